"""Test what is taken along: tables without formulas, and pages as files that need nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from python_calamine import CalamineWorkbook
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.oil.questions.report import find_reports, shown_report
from tribolake.oil.questions.workbook import LEFT_OUT
from tribolake.settings import Settings, load_settings
from tribolake.texts import one_line
from tribolake.web.views.tables import FORMULA_SIGNS, OF_MACHINE, QUALITY, VALUES
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
HOSTILE_REPORTS = """
    select sampleNumber as sample, sampleOccurrence as occurrence, laboratory from classified_reports
    where sourceFile like '%hostile.xlsx' and length(sampleNumber) <= 1000 order by all
"""


def csv_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def xlsx_of(content: bytes) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def formulas_in(content: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert not [name for name in archive.namelist() if "externalLink" in name or name.endswith(".bin")]
        return sum(archive.read(name).count(b"<f") - archive.read(name).count(b"<font") for name in archive.namelist()
                   if "worksheets/sheet" in name)  # fmt: skip


def report_of(pages: Pages) -> BeautifulSoup:
    machine = pages.read("/m", client="cda", unit="T-01")
    return pages.read(machine.select_one("table.components th a")["href"] + "&charts=all")


@pytest.mark.parametrize("choice", [{}, {"client": "cda", "essay": "Hierro"}])
def test_table_of_limits_has_the_limits_of_the_page_in_their_order(pages: Pages, choice: dict[str, str]):
    page = pages.read("/limits", show=2000, lang="en", **choice)
    links = {link.text: link["href"] for link in page.select(".take a")}
    taken = csv_of(pages.ask(links["CSV"]).content)
    shown = page.select("table.plain tbody tr")
    assert len(taken) >= len(shown) > 0
    ends = len(taken) if len(taken) < 2000 else 2000
    assert [text_of(row.select("td")[0]).split(" ")[-1] for row in shown] == [row["client"] for row in taken[:ends]]
    assert [text_of(row.th).split(" ")[0] for row in shown] == [
        words_in("en").essay(row["essay"]).split(" ")[0] for row in taken[:ends]
    ]
    assert {row["essay"] for row in taken} >= {choice.get("essay", "Hierro")}
    header, *cells = xlsx_of(pages.ask(links["XLSX"]).content)
    assert len(cells) == len(taken)
    threshold = header.index("threshold normal")
    assert [row[threshold] for row in cells] == [
        float(row["threshold_normal"]) if row["threshold_normal"] else "" for row in taken
    ]


def test_table_of_limits_of_a_client_that_is_not_there_is_empty(pages: Pages):
    assert csv_of(pages.ask("/take/limits", form="csv", client="nobody").content) == []


@pytest.mark.parametrize("choice", [{}, {"client": "emin"}, {"client": "cda", "status": "abnormal"}])
def test_table_of_the_fleet_has_the_machines_of_the_page_in_their_order(pages: Pages, choice: dict[str, str]):
    page = pages.read("/", show=1000, **choice)
    shown = [
        text_of(unit) for unit in page.select("th.unit > a, th.unit > bdi, .silent tbody th > a, .silent th > bdi")
    ]
    links = {link.text: link["href"] for link in page.select(".take a")}
    taken = csv_of(pages.ask(links["CSV"]).content)
    assert [" ".join(row["unit_id"].removeprefix("'").split())[:60] for row in taken] == [name[:60] for name in shown]
    header, *cells = xlsx_of(pages.ask(links["XLSX"]).content)
    assert [str(name).replace(" ", "_") for name in header] == list(OF_MACHINE)
    assert len(cells) == len(taken) > 0


@pytest.mark.parametrize("lost", ["_manifest.json", "_current/machine_status_current.parquet"])
def test_tables_name_the_clients_that_cannot_be_read(page_lake: Settings, tmp_path: Path, lost: str):
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(page_lake.lake, settings.lake, symlinks=True)
    (settings.lake / "oil-analysis" / "gold" / "emin" / lost).unlink()
    pages = Pages(settings)
    page = pages.read("/")
    assert "No se pueden leer los datos publicados de EMIN" in text_of(page.find(role="note"))
    taken = {link.text: pages.ask(link["href"]) for link in page.select(".take a")}
    assert {row["client"] for row in csv_of(taken["CSV"].content)} == {"CDA"}
    for answer in taken.values():
        assert "-without-emin." in answer.headers["content-disposition"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(taken["XLSX"].content))
    assert [row[0] for row in book.get_sheet_by_name(LEFT_OUT).to_python()] == ["client", "EMIN"]
    assert "without" not in pages.ask("/take/fleet", form="csv", client="cda").headers["content-disposition"]


def test_no_cell_of_a_table_is_a_formula(page_lake: Settings, pages: Pages):
    """Excel takes texts with these signs for formulas. Units, components and samples have such names here."""
    answers = [pages.ask(path, form=form) for path in ("/take/fleet", "/take/quality") for form in ("csv", "xlsx")]
    answers += [pages.ask("/take/quality", table="examples", form="csv")]
    for names in rows(page_lake, HOSTILE_REPORTS, ["cda"])[::20]:
        known = {name: value for name, value in names.items() if value is not None}
        answers += [pages.ask("/take/values", client="cda", form=form, **known) for form in ("csv", "xlsx")]
    assert {answer.status_code for answer in answers} == {200}
    begins = 0
    for answer in answers:
        if answer.headers["content-type"].startswith("text/csv"):
            for row in csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))):
                assert not [cell for cell in row if cell.lstrip().startswith(FORMULA_SIGNS) and not number(cell)]
                begins += sum(cell.startswith("'") for cell in row)
        else:
            assert formulas_in(answer.content) == 0
    assert begins > 3


def number(text: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text))


def test_table_of_values_is_that_of_gold(page_lake: Settings, pages: Pages):
    links = {link.text: link["href"] for link in report_of(pages).select(".take a")}
    taken = csv_of(pages.ask(links["CSV"]).content)
    (row,) = find_reports(page_lake, "cda", taken[0]["sampleNumber"])
    values = {value["essay"]: value for value in shown_report(page_lake, row).values}
    assert list(taken[0]) == list(VALUES)
    assert [one["essay"] for one in taken] == list(values)
    for one in taken:
        value = values[one["essay"]]
        assert one["value"] == value["value"] or float(one["value"]) == float(value["value"])
        limits = [one[name] for name in ("threshold_normal", "threshold_alert", "threshold_critic")]
        assert limits == ["" if value[f"threshold_{band}"] is None else str(value[f"threshold_{band}"])
                          for band in ("normal", "alert", "critic")]  # fmt: skip
    assert len(xlsx_of(pages.ask(links["XLSX"]).content)) == len(taken) + 1


def test_table_of_a_component_over_time_is_that_of_gold(page_lake: Settings, pages: Pages):
    rejected = "select distinct componentName from results where unitId = 'T_01' and rejection is not null order by all"
    component = rows(page_lake, rejected, ["cda"])[0]["componentName"]  # one that has values to leave out
    page = pages.read("/m", client="cda", unit="T-01", component=component)
    links = {link.text: link["href"] for link in page.select("details.lasts .take a")}
    taken = csv_of(pages.ask(links["CSV"]).content)
    gold = rows(
        page_lake,
        """
        select sampleDate as day, sampleNumber as number, essay, coalesce(value::varchar, '') as value from results
        where unitId = 'T_01' and componentName = $component and rejection is null
        """.replace("$component", f"'{component}'"),
        ["cda"],
    )
    assert len(taken) == len(gold) > len(page.select("table.matrix td"))
    assert {(one["sample_date"], one["sample_number"], one["essay"], one["value"]) for one in taken} == {
        (str(one["day"]), one["number"], one["essay"], one["value"]) for one in gold
    }
    assert [one["sample_date"] for one in taken] == sorted(one["sample_date"] for one in taken)
    assert len(xlsx_of(pages.ask(links["XLSX"]).content)) == len(taken) + 1
    of_all = csv_of(pages.ask("/take/series", client="cda", unit="T_01", form="csv").content)
    assert [one for one in of_all if one["component"] == component] == taken
    assert len({one["component"] for one in of_all}) > 1


def test_tables_of_quality_have_all_rows_of_the_page(pages: Pages):
    page = pages.read("/quality", client="cda")
    shown = page.select("section.quality details")
    book = CalamineWorkbook.from_filelike(io.BytesIO(pages.ask(page.select_one("main > .take a")["href"]).content))
    assert len(book.sheet_names) == len(shown) == len(QUALITY)
    tried = 0
    for details in shown:
        if not details.table:
            continue
        links = {link.text: link["href"] for link in details.select(".take a")}
        taken = csv_of(pages.ask(links["CSV"]).content)
        assert len(taken) >= len(details.select("tbody tr"))
        assert {one.get("client", "CDA").upper() for one in taken} == {"CDA"}
        assert len(xlsx_of(pages.ask(links["XLSX"]).content)) == len(taken) + 1
        tried += 1
    assert tried > 6


def check_alone(content: bytes) -> BeautifulSoup:
    """Check that a file forbids scripts and requests, allows its own style, and leads nowhere."""
    page = BeautifulSoup(content, "html.parser")
    policy = page.select_one("meta[http-equiv]")["content"]
    (style,) = page.select("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not page.select("script, link, img, iframe, [src], [style], [href], form")
    assert "url(" not in style.text
    return page


def test_report_as_a_file_says_what_its_page_says(pages: Pages):
    page = report_of(pages)
    answer = pages.ask(next(link["href"] for link in page.select(".take a") if link.text == "HTML"))
    file = check_alone(answer.content)
    for part in (".advice", "table.values", "figure.chart", ".facts", "h1"):
        assert [text_of(one) for one in file.select(part)] == [text_of(one) for one in page.select(part)] != []
    assert "CDA" in text_of(file.footer)
    assert "EMIN" not in file.text


def test_machine_as_a_file_says_what_its_page_says_in_its_language(pages: Pages):
    page = pages.read("/m", client="cda", unit="T-01", lang="en", charts="all")
    answer = pages.ask(page.select_one(".take a")["href"])
    file = check_alone(answer.content)
    assert file.html["lang"] == "en"
    for part in (".advice", "table.components td.number", "figure.chart"):
        assert [text_of(one) for one in file.select(part)] == [text_of(one) for one in page.select(part)] != []


def test_hostile_names_stay_texts_in_a_file_and_leave_no_trace_in_its_name(page_lake: Settings, pages: Pages):
    for names in rows(page_lake, HOSTILE_REPORTS, ["cda"])[::13]:
        known = {name: value for name, value in names.items() if value is not None}
        answer = pages.ask("/take/report", client="cda", **known)
        assert " ".join(one_line(names["sample"]).split())[:100] in text_of(check_alone(answer.content).main)
        said = answer.headers["content-disposition"]
        assert re.fullmatch(r'attachment; filename="[A-Za-z0-9_-]{1,80}\.html"', said), said


@pytest.mark.parametrize(
    "address",
    [
        "/take/report?client=cda&sample=nothing",
        "/take/report?client=nobody&sample=H-1",
        "/take/report?client=cda&sample=SHARED",
        "/take/machine?client=emin&unit=T-01",
        "/take/values?client=cda&sample=nothing&form=csv",
        "/take/values?client=../cda&sample=H-1&form=csv",
        "/take/series?client=cda&unit=nothing&form=csv",
        "/take/series?client=cda&unit=T_01&component=nothing&form=csv",
        "/take/quality?client=nobody&form=csv",
        "/take/quality?table=nothing&form=csv",
    ],
)
def test_what_is_not_published_is_not_found(pages: Pages, address: str):
    assert pages.ask(address).status_code == 404


def test_unknown_form_is_refused(pages: Pages):
    assert pages.ask("/take/fleet", form="exe").status_code == 400
