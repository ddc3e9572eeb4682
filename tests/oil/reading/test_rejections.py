"""What was delivered and is not used is said once, listed with its place, published, and never called Normal."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, ClassVar

import duckdb
import pytest
import xlsxwriter
from tests.conftest import REAL_DATA

from tribolake.oil.product import OIL
from tribolake.oil.rejections import list_rejected
from tribolake.oil.status import lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.run.report import RunReport
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
CASES = REAL_DATA / "cases"
FIELDS = (
    "No. de control de laboratorio", "Fecha de Toma de Muestra", "Fecha de laboratorio", "ID de equipo", "Model",
    "Horas", "Compartimento",
)  # fmt: skip
ESSAYS = ("Fe", "Cu", "Pb", "Cr", "Sn", "Al", "Si", "Ni")
HOSTILE = "abc\u202e[red]\nforged line"


@dataclass(frozen=True)
class Odd:
    """A lake before and after files with things that cannot be used, and what the runs reported."""

    settings: Settings
    before: RunReport
    report: RunReport
    again: RunReport
    notices: list[str]
    messages: list[str]


class _Receiver(BaseHTTPRequestHandler):
    messages: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.messages.append(json.loads(body)["message"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, parsed_project: None, receiver: HTTPServer) -> Odd:
    settings = load_settings(lake=tmp_path_factory.mktemp("odd"), notify=[f"json://127.0.0.1:{receiver.server_port}"])
    write_sample_lake(settings.lake, finning_units=2, als_units=4, months=18, dirty=False)
    before = run(OIL, settings)
    _Receiver.messages.clear()
    known = query(
        settings,
        "select unitId, machineModel, componentName from silver.samples where client = 'CDA' and fluid = 'oil'"
        " group by all having count(*) > 10 order by all limit 1",
    )[0]
    bronze = settings.lake / "oil-analysis" / "bronze"
    write_odd_files(bronze / "cda" / "2026-02-10", known)
    (bronze / "nosuch").mkdir()
    (bronze / "nosuch" / "a.csv").write_text("a;b\n1;2\n")
    notices: list[str] = []
    report = run(OIL, settings, notice=notices.append)
    messages = list(_Receiver.messages)
    again = run(OIL, settings, recalculate_limits=True)
    return Odd(settings, before, report, again, notices, messages)


def write_odd_files(folder: Path, known: tuple[str, str, str]) -> None:
    """Write a file with something unused of each kind, one without a used row, and one that is not a table."""
    folder.mkdir(parents=True)
    unit, model, component = known
    day = "2026-01-20"
    x = ["x"] * len(ESSAYS)
    rows = [
        [*FIELDS, *ESSAYS, "Galio"],
        ["", "", "", "", "", "hrs", "", *["ppm"] * len(ESSAYS)],
        ["ODD-1", day, day, unit, model, HOSTILE, component, "tres", *[1] * (len(ESSAYS) - 1), 7],
        ["ODD-2", day, "mañana", unit, model, 10, component, *x[:6], 1, 1],
        ["ODD-3", day, day, unit, model, 10, component, 9999, 9999, 9999, *x[:5]],
        ["ODD-4", "ayer", day, unit, model, 10, component, *[1] * len(ESSAYS)],
        ["ODD-5", day, day, "", model, 10, component, *[1] * len(ESSAYS)],
        ["ODD-6", day, day, unit, model, 10, component, *[1] * len(ESSAYS)],
    ]
    with xlsxwriter.Workbook(folder / "odd.xlsx") as book:
        for sheet, written in (("OIL", rows), ("NOTAS", [["nota", "texto"], ["a", "b"]])):
            page = book.add_worksheet(sheet)
            for number, row in enumerate(written):
                page.write_row(number, 0, row)
    with xlsxwriter.Workbook(folder / "undated.xlsx") as book:
        page = book.add_worksheet("OIL")
        for number, row in enumerate([rows[0], *([f"U-{n}", "ayer", day, unit, model, 1, component, 5] for n in "12")]):
            page.write_row(number, 0, row)
    (folder / "letter.xlsx").write_bytes(b"%PDF-1.7\n" + bytes(64))


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def reported(report: RunReport) -> dict[tuple[str, str], dict[str, Any]]:
    """What a run reported, by file name and reason."""
    return {(one["file"].rpartition("/")[2], one["reason"]): one for one in report.rejected}


def test_everything_not_used_is_listed_with_its_place(odd: Odd):
    found = {
        (one["file"].rpartition("/")[2], one["reason"], one["sheet"], one["row"], one["column_name"], one["text"])
        for one in list_rejected(odd.settings, clients=["cda", "nosuch"], reasons=None)
        if one["sampleNumber"] not in ("ODD-2", "ODD-3") or one["subject"] == "field"
    }
    assert found == {
        ("odd.xlsx", "no_sample", "OIL", 2, None, None),
        ("odd.xlsx", "field_not_a_number", "OIL", 3, "Horas", HOSTILE),
        ("odd.xlsx", "not_a_number", "OIL", 3, "Fe", "tres"),
        ("odd.xlsx", "field_not_a_date", "OIL", 4, "Fecha de laboratorio", "mañana"),
        ("odd.xlsx", "sample_date_unreadable", "OIL", 6, "Fecha de Toma de Muestra", "ayer"),
        ("odd.xlsx", "no_unit", "OIL", 7, None, None),
        ("odd.xlsx", "unknown_column", "OIL", None, "Galio", None),
        ("odd.xlsx", "unknown_sheet", "NOTAS", None, None, None),
        ("undated.xlsx", "sample_date_unreadable", "OIL", 2, "Fecha de Toma de Muestra", "ayer"),
        ("undated.xlsx", "sample_date_unreadable", "OIL", 3, "Fecha de Toma de Muestra", "ayer"),
        ("undated.xlsx", "every_row_rejected", None, None, None, None),
        ("letter.xlsx", "file_unreadable", None, None, None, None),
        ("a.csv", "client_not_declared", None, None, None, None),
    }


def test_every_rejected_result_and_row_is_listed(odd: Odd):
    listed = dict(query(odd.settings, "select subject, count(*) from silver.rejected group by all"))
    ((results,),) = query(odd.settings, "select count(*) from silver.results where rejection is not null")
    ((rows,),) = query(odd.settings, "select sum(rows_rejected) from silver.arrival_reconciliation")
    assert (listed["value"], listed["row"]) == (results, rows)


def test_run_counts_what_is_not_used_with_examples(odd: Odd):
    found = reported(odd.report)
    values = found["odd.xlsx", "not_a_number"]
    assert (values["client"], values["rejected"], values["rows"], len(values["examples"])) == ("cda", 12, 3, 3)
    assert values["examples"][0] | {"sample": None} == {
        "sheet": "OIL", "row": 3, "column": "Fe", "sample": None, "essay": "Hierro", "text": "tres", "detail": None,
    }  # fmt: skip
    assert found["undated.xlsx", "every_row_rejected"]["needs_a_look"]
    assert not found["odd.xlsx", "no_sample"]["needs_a_look"]
    assert odd.report.clients["cda"].rejected["not_a_number"] == 12
    assert json.loads(json.dumps(odd.report.as_dict(), default=str))["rejected"] == odd.report.rejected


def test_run_reports_each_rejection_once(odd: Odd):
    assert not odd.before.needs_a_look
    assert odd.report.needs_a_look
    assert (odd.again.nothing_new, odd.again.rejected, odd.again.needs_a_look) == (False, [], False)
    assert odd.again.clients["cda"].rejected == odd.report.clients["cda"].rejected


def test_status_shows_all_that_is_not_used(odd: Odd):
    found = {(one["file"].rpartition("/")[2], one["reason"]) for one in lake_status(odd.settings, ["cda"]).rejected}
    assert ("odd.xlsx", "not_a_number") in found
    assert {file for file, _ in found} == {"odd.xlsx", "undated.xlsx", "letter.xlsx"}


def test_message_has_counts_and_examples_without_control_signs(odd: Odd):
    (message,) = odd.messages
    lines = message.split("\n")
    assert any("odd.xlsx: 12 × not_a_number" in line and "row 3, column Fe 'tres'" in line for line in lines)
    assert any("undated.xlsx: every_row_rejected" in line for line in lines)
    assert not any(line.startswith("forged") for line in lines)
    assert "\u202e" not in message


def test_undeclared_client_is_reported_before_the_build(odd: Odd):
    (notice,) = odd.notices
    assert notice.startswith("nosuch is not a declared client: 1 new files are not read")
    assert "seeds/oil/clients.csv" in notice


def test_sample_without_readable_essays_is_not_normal(odd: Odd):
    reports = {
        number: (status, rejected, json.loads(texts) if texts else None)
        for number, status, rejected, texts in query(
            odd.settings,
            "select sampleNumber, report_status, essays_rejected, rejected_essays from gold.classified_reports"
            " where sampleNumber like 'ODD-%'",
        )
    }
    assert reports["ODD-6"] == ("Normal", 0, None)
    assert reports["ODD-1"] == ("Sin evaluar", 1, {"Hierro": "tres"})  # 7 of 8
    assert reports["ODD-2"][:2] == ("Sin evaluar", 6)
    assert reports["ODD-3"][0] in ("Alerta", "Anormal")  # an alarm stands
    assert reports["ODD-3"][1] == 5


def test_rejected_is_published_and_kept_by_others(odd: Odd):
    silver = odd.settings.lake / "oil-analysis" / "silver" / "rejected"
    published = duckdb.execute("from read_parquet(?)", [str(silver / "CDA.parquet")])
    assert [column[0] for column in published.description] == [
        "client", "reason", "subject", "file_key", "sheet", "row_number", "column_name", "sampleNumber", "essay",
        "text", "detail",
    ]  # fmt: skip
    assert len(published.fetchall()) == len(list_rejected(odd.settings, clients=["cda"]))
    assert not odd.report.clients["emin"].changed
    assert (silver / "EMIN.parquet").exists()


def test_list_reads_published_files_without_a_warehouse(odd: Odd, tmp_path):
    shutil.copytree(odd.settings.lake / "oil-analysis", tmp_path / "oil-analysis", symlinks=True)
    only_published = load_settings(lake=tmp_path)
    assert not only_published.warehouse.exists()
    for chosen in ({"clients": ["cda"]}, {"reasons": ["no_unit"]}, {"files": ["undated.xlsx"], "clients": ["cda"]}):
        found = list_rejected(only_published, **chosen)
        assert found
        assert found == [one for one in list_rejected(odd.settings, **chosen) if one["client"] == "CDA"]


def test_csv_has_a_line_for_each_thing(odd: Odd, tribolake: Callable[..., CompletedProcess[str]]):
    done = tribolake("rejected", "list", "--lake", str(odd.settings.lake), "--client", "cda", "--csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == len(list_rejected(odd.settings, clients=["cda"])) == len(done.stdout.splitlines()) - 1
    assert r"abc\u202e[red]\nforged line" in {row["text"] for row in rows}


def test_table_and_json_name_place_and_text(odd: Odd, tribolake: Callable[..., CompletedProcess[str]]):
    flags = ("--lake", str(odd.settings.lake), "--file", "odd.xlsx", "--reason", "field_not_a_number")
    table, as_json = tribolake("rejected", "list", *flags), tribolake("rejected", "list", *flags, "--json")
    assert "sheet OIL, row 3" in " ".join(table.stdout.split())
    assert "\nforged" not in table.stdout
    assert [one["text"] for one in json.loads(as_json.stdout)["rejected"]] == [HOSTILE]


def test_corrected_file_is_no_longer_reported(odd: Odd, tmp_path):
    shutil.copytree(odd.settings.lake, tmp_path / "lake", symlinks=True)
    settings = load_settings(lake=tmp_path / "lake")
    (letter,) = (settings.lake / "oil-analysis" / "bronze" / "cda").rglob("letter.xlsx")
    shutil.copyfile(letter.with_name("odd.xlsx"), letter)
    os.utime(letter, (time.time() + 60, time.time() + 60))
    report = run(OIL, settings)
    assert not report.needs_a_look
    assert list_rejected(settings, reasons=["file_unreadable"]) == []


def test_case_13_is_reported_and_not_normal(tmp_path, parsed_project: None):
    if not CASES.exists():
        pytest.skip("the cases are not next to this checkout")
    settings = load_settings(lake=tmp_path)
    bronze = tmp_path / "oil-analysis" / "bronze"
    for client, files in (("cda", ("T-09.xlsx", "T-10.xlsx")), ("emin", ("muestrasAlsHistoricos.parquet",))):
        (bronze / client).mkdir(parents=True)
        for file in files:
            shutil.copyfile(REAL_DATA / "bronze" / client / file, bronze / client / file)
    run(OIL, settings)
    (bronze / "cda" / "2026-01-11").mkdir()
    name = "rejected_values.xlsx"
    shutil.copyfile(CASES / "13-how-labs-write-no-number" / name, bronze / "cda" / "2026-01-11" / name)
    report = run(OIL, settings)
    # A cell is either read or reported.
    rejected = query(settings, f"select essay, text from silver.rejected where file_key like '%{name}' order by all")
    unread = query(
        settings,
        f"""
        select results.essay, results.raw_text
        from silver.results as results
        inner join silver.samples as samples on results.row_id = samples.row_id
        where samples.sourceFile like '%{name}' and results.value is null and results.code is null
        order by all
        """,
    )
    assert rejected == unread
    assert sum(one["rejected"] for one in report.rejected) == len(rejected)
    statuses = query(
        settings,
        f"select report_status, essays_rejected from gold.classified_reports where sourceFile like '%{name}'",
    )
    assert all(status != "Normal" for status, lost in statuses if lost > 2)
