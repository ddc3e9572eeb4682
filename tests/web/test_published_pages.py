"""Test that pages say what gold says, for every machine and report of a lake."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from bs4 import BeautifulSoup
from tests.support.drawn import SHARE_IN_CI, draw
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.oil.questions.report import find_reports, shown_report
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings
from tribolake.texts import one_line
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
SPANISH = words_in("es")
NUMBER = re.compile(r"^-?[\d.]+(?:,\d+)?$")
REPORTS = """
    select client, laboratory, sampleNumber as sample, sampleOccurrence as occurrence, unitId, report_status,
        breached_essays, censored_essays, sourceFile, sourceRow
    from classified_reports where length(sampleNumber) <= 1000 order by all
"""


def names_of(report: dict[str, Any]) -> dict[str, Any]:
    return {name: report[name] for name in ("sample", "occurrence", "laboratory")} | {
        "client": report["client"].lower()
    }


def number_of(text: str) -> float | str:
    """A number of a page in Spanish. A code or a censored value stays a text."""
    return float(text.replace(".", "").replace(",", ".")) if NUMBER.match(text) else text


def values_of(page: BeautifulSoup) -> dict[str, tuple[float | str, float | str | None]]:
    """Value and limit of each essay on the page of a report."""
    found = {}
    for row in page.select("table.values tbody tr"):
        name = next(iter(row.th.stripped_strings))
        limit = row.select_one(".limits > b")
        found[name] = (number_of(text_of(row.select_one("td.number b"))), limit and number_of(text_of(limit)))
    return found


@pytest.mark.parametrize("share", [SHARE_IN_CI, pytest.param(1.0, marks=pytest.mark.thorough)])
def test_every_report_page_says_what_gold_says(page_lake: Settings, pages: Pages, share: float):
    reports = draw(rows(page_lake, REPORTS), share)
    assert len(reports) > 200 * share
    wrong = []
    for report in reports:
        page = pages.read("/r", **names_of(report))
        found = values_of(page)
        if text_of(page.select_one(".headline .pill")) != report["report_status"]:
            wrong.append(f"{report['sample']}: status")
        out_of_range = json.loads(report["censored_essays"] or "{}")
        for breach in json.loads(report["breached_essays"] or "[]"):
            value, limit = found[breach["essay"]]
            if breach["value"] is not None and value != out_of_range.get(breach["essay"], breach["value"]):
                wrong.append(f"{report['sample']} {breach}: {value}")
            if limit != breach["limit"]:
                wrong.append(f"{report['sample']} {breach}: {limit}")
        origin = text_of(page.select_one(".codes"))
        if one_line(report["sourceFile"]) not in origin or str(report["sourceRow"]) not in origin:
            wrong.append(f"{report['sample']}: {origin}")
    assert wrong == []


def test_every_value_of_a_report_is_the_column_of_gold(page_lake: Settings, pages: Pages):
    essays = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true" and row["kind"] == "numeric"]
    checked = 0
    for report in rows(page_lake, REPORTS)[::9]:
        names = names_of(report)
        (row,) = find_reports(page_lake, names["client"], names["sample"], occurrence=names["occurrence"],
                              laboratory=names["laboratory"])  # fmt: skip
        found = values_of(pages.read("/r", **names))
        texts = json.loads(row["coded_essays"] or "{}") | json.loads(row["censored_essays"] or "{}")
        for essay in essays:
            if row[essay] is not None and essay not in texts:
                assert found[essay][0] == row[essay], (report["sample"], essay)
                checked += 1
    assert checked > 300


def test_limits_of_a_page_are_those_that_judged(page_lake: Settings, pages: Pages):
    checked = 0
    for report in rows(page_lake, REPORTS)[::20]:
        names = names_of(report)
        (row,) = find_reports(
            page_lake,
            names["client"],
            names["sample"],
            occurrence=names["occurrence"],
            laboratory=names["laboratory"],
        )
        judged = {value["essay"]: value for value in shown_report(page_lake, row).values}
        for shown in pages.read("/r", **names).select("table.values tbody tr"):
            value = judged[next(iter(shown.th.stripped_strings))]
            limits = [value[f"threshold_{band}"] for band in ("normal", "alert", "critic")]
            if any(limit is not None for limit in limits):
                assert " / ".join(SPANISH.number(limit) or "–" for limit in limits) in text_of(shown)
                checked += 1
    assert checked > 20


def test_order_of_the_fleet_is_that_of_the_status(page_lake: Settings, pages: Pages, tribolake):
    status = json.loads(tribolake("status", "--json", "--lake", str(page_lake.lake)).stdout)["machines"]
    page = pages.read("/", show=1000)
    recent = [one_line(one["unit_id"]) for one in status if one["is_recent"] is not False]
    shown = [text_of(unit) for unit in page.select("table.fleet th.unit > a, table.fleet th.unit > bdi")]
    assert [text[:60] for text in shown] == [" ".join(text.split())[:60] for text in recent]
    silent = [one_line(one["unit_id"]) for one in status if one["is_recent"] is False]
    assert len(page.select(".silent tbody tr")) == len(silent)
    assert recent


def test_score_of_a_machine_is_the_one_that_orders(page_lake: Settings, pages: Pages, tribolake):
    status = json.loads(tribolake("status", "--json", "--lake", str(page_lake.lake)).stdout)["machines"]
    weighted = next(one for one in status if one["weighted_machine_score"] != one["machine_score"])
    page = pages.read("/m", client=weighted["client"].lower(), unit=weighted["unit_id"])
    assert f"puntaje {SPANISH.number(weighted['weighted_machine_score'])} " in text_of(page.select_one(".headline"))


def test_component_without_oil_hours_has_no_label_of_them(page_lake: Settings, pages: Pages):
    found = rows(
        page_lake,
        "select client, unitId, componentName, oilMeter from classified_reports where length(unitId) < 20"
        " qualify row_number() over (partition by client, unitId, componentName order by sampleTimestamp desc) = 1"
        " order by oilMeter is not null, unitId limit 1",
    )
    assert found[0]["oilMeter"] is None
    page = pages.read("/m", client=found[0]["client"].lower(), unit=found[0]["unitId"])
    cells = [row.select("td.number")[-1] for row in page.select("table.components tbody tr")]
    assert [cell for cell in cells if not text_of(cell)]
    assert not [cell for cell in cells if text_of(cell) == "Horas de aceite"]


def test_first_row_shows_the_breaches_that_decide(page_lake: Settings, pages: Pages):
    page = pages.read("/", client="cda", show=1000)
    machines = {row["unit_id"]: row for row in rows(page_lake, "select * from machine_status_current", ["cda"])}
    in_alarm = 0
    for row in page.select("table.fleet tbody tr"):
        unit, component = row.select_one("th.unit > a"), row.select_one(".component")
        machine = machines.get(text_of(unit)) if unit else None
        if machine is None or len(machine["first_component"] or "motor") > 20:  # hostile names have their own tests
            continue
        assert (text_of(component) if component else None) == machine["first_component"]
        if component:
            in_alarm += 1
            assert text_of(row.select_one(".due"))
            assert row.select(".breaches li:not(.more)")
    assert in_alarm


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_address_of_the_fleet_and_of_a_machine_is_answered(pages: Pages, language: str):
    page = pages.read("/", lang=language, show=1000)
    machines = [link["href"] for link in page.select("th.unit > a")]
    assert machines
    for address in machines[:12]:
        machine = pages.read(address)
        assert machine.html["lang"] == language
        assert machine.select("table.components tbody tr")
        for link in machine.select("main a:not([download])")[:6]:
            assert pages.read(link["href"]).html["lang"] == language


def test_lineage_names_file_row_run_and_text_as_written(page_lake: Settings, pages: Pages):
    report = next(one for one in rows(page_lake, REPORTS, ["cda"]) if one["sourceFile"].endswith("T-01.xlsx"))
    page = pages.read("/lineage", essay="Agua", **names_of(report))
    said = text_of(page.main)
    manifest = json.loads((page_lake.lake / "oil-analysis/gold/cda/_manifest.json").read_text(encoding="utf-8"))
    for text in (report["sourceFile"], str(report["sourceRow"]), manifest["run_id"], "mismos bytes"):
        assert text in said
    assert "Agua" in text_of(page.select_one("tr.chosen"))
    assert manifest["code"] in said


def test_changed_file_in_bronze_is_told(page_lake: Settings, pages: Pages):
    report = next(one for one in rows(page_lake, REPORTS, ["cda"]) if one["sourceFile"].endswith("T-01.xlsx"))
    file = page_lake.lake / report["sourceFile"]
    content = file.read_bytes()
    try:
        file.write_bytes(content + b"x")
        page = pages.read("/lineage", **names_of(report))
        assert page.select_one(".verdict.broken")
        assert "ya no tiene los bytes" in text_of(page.select_one(".notice"))
        assert not page.select(".cells")
    finally:
        file.write_bytes(content)
    assert not pages.read("/lineage", **names_of(report)).select_one(".verdict.broken")


def test_unit_is_found_in_any_spelling_and_only_at_its_client(pages: Pages):
    assert pages.ask("/m", client="CDA", unit="t-01").status_code == 200
    assert pages.ask("/m", client="emin", unit="T_01").status_code == 404
    assert pages.ask("/m", client="../cda", unit="T_01").status_code == 404


def test_number_of_two_samples_gives_a_choice(page_lake: Settings, pages: Pages):
    shared = rows(
        page_lake,
        "select any_value(client) as client, sampleNumber from classified_reports group by sampleNumber, lower(client)"
        " having count(*) > 1 order by 2 limit 1",
    )
    assert shared
    page = pages.read("/r", client=shared[0]["client"].lower(), sample=shared[0]["sampleNumber"])
    links = page.select(".choices a")
    assert len(links) > 1
    assert all(pages.read(link["href"]).select_one(".headline .pill") for link in links)
