"""Test what `run` and `status` print."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tribolake.cli.lineage_tables import print_answer
from tribolake.cli.run_tables import SHOWN_FILES, print_run
from tribolake.cli.status_tables import print_status
from tribolake.cli.watch import format_run
from tribolake.oil.status import LakeStatus
from tribolake.oil.wording.result import Enrichment
from tribolake.product import StepResult
from tribolake.run.report import ClientReport, RunReport
from tribolake.settings import Settings
from tribolake.trace.query import Answer

NOT_ANSWERED = "no answer: a later run tries again"


def report_of(**clients: ClientReport) -> RunReport:
    """The report of a run whose model did not answer."""
    done = Enrichment("gpt-4.1-mini", patterns=23, reports=52, asked=23, failed=23, stopped=NOT_ANSWERED)
    return RunReport(
        "run-1", "default", "es", clients=clients, results={"recommendations": StepResult(report=done.as_dict())}
    )


def status_of(report: RunReport) -> LakeStatus:
    said: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(LakeStatus)[:10])
    lists = ("files", "names", "rejected", "reports", "machines")
    nothing: dict[str, Any] = {name: [] for name in said if name.endswith(lists)}
    return LakeStatus(**said | nothing | {"last_run": report.as_dict(), "calls": {}})


@pytest.mark.parametrize("command", ["run", "status"])
def test_unanswered_model_is_reported_with_count_and_reason(
    command, capsys: pytest.CaptureFixture[str], settings: Settings
):
    report = report_of()
    print_run(report, settings) if command == "run" else print_status(status_of(report))
    said = capsys.readouterr().out
    assert "23 asked of gpt-4.1-mini, 0 accepted" in said
    assert f"recommendations: {NOT_ANSWERED}" in said


def test_unchanged_client_is_up_to_date_and_not_published(capsys: pytest.CaptureFixture[str], settings: Settings):
    report = report_of(
        cda=ClientReport(samples=1, published=True), emin=ClientReport(samples=1, published=True, changed=True)
    )
    print_run(report, settings)
    said = capsys.readouterr().out
    assert f"up to date {settings.lake}/oil-analysis/gold/cda" in said
    assert f"published {settings.lake}/oil-analysis/gold/emin" in said
    assert "published emin in 0.0 s" in format_run(report.as_dict() | {"needs_a_look": False})


def test_answer_with_many_columns_has_a_line_for_each(capsys: pytest.CaptureFixture[str]):
    columns = [f"column_{number}" for number in range(30)]
    print_answer(Answer(columns, [tuple(range(100, 130))], is_cut=False))
    assert capsys.readouterr().out.splitlines() == [
        "row 1",
        *(f"  column_{number}: {100 + number}" for number in range(30)),
    ]
    print_answer(Answer(columns[:3], [(1, 2, 3)], is_cut=False))
    assert "column_0   column_1   column_2" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "status"])
def test_only_first_failed_files_are_printed(command, capsys: pytest.CaptureFixture[str], settings: Settings):
    report = report_of(cda=ClientReport(samples=1, published=True))
    failed = [{"file": f"{number}.xlsx", "problem": "no sheet"} for number in range(SHOWN_FILES + 1200)]
    if command == "run":
        report.failed_files = failed
        print_run(report, settings)
    else:
        print_status(
            dataclasses.replace(status_of(report), failed_files=failed, waiting_files=[one["file"] for one in failed])
        )
    said = capsys.readouterr().out
    assert said.count("no sheet") == SHOWN_FILES
    assert "and 1,200 more failed files: `tribolake arrivals list --failed` lists all" in said
    assert ("and 1,200 more waiting files" in said) == (command == "status")
