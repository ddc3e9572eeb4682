"""Test the answers to questions of engineers, which come from published files."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tribolake.cli.question_tables import print_limits, print_machine, print_movers, print_report
from tribolake.errors import ConfigurationError
from tribolake.oil.product import OIL
from tribolake.oil.questions.limits import COLUMNS, show_limits
from tribolake.oil.questions.machine import show_machine
from tribolake.oil.questions.movers import Movers, top_movers
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.report import ShownReport, show_report
from tribolake.oil.questions.workbook import LEFT_OUT, Sheet, export_fleet, workbook_of
from tribolake.oil.seeds import read_seed
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2", "@SUM(A1)", "=1", "http://example.com", "\x1b[31mred", "007"]
HOSTILE = "\x1b[b]"  # would control a terminal, and is markup


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Iterator[Settings]:
    """A published lake without its warehouse: no question needs it."""
    settings = load_settings(lake=tmp_path_factory.mktemp("asked"))
    write_sample_lake(settings.lake, finning_units=2, als_units=4, months=12)
    run(OIL, settings)
    settings.warehouse.unlink()
    yield settings
    assert not settings.warehouse.exists()


FLOORED = {row["essay"] for row in read_seed("policy_floors")}


def breach_limits(found: ShownReport, essay: str) -> set[float]:
    (value,) = (value for value in found.values if value["essay"] == essay)
    return {limit for name, limit in value.items() if name.startswith(("threshold", "lower")) and limit is not None}


def wrong_limits(settings: Settings, share: int) -> list[str]:
    """Breaches of every `share`th report in alarm whose limit is not among those that `show report` prints."""
    alarms = rows(
        settings,
        "select client, sampleNumber || if(sampleOccurrence = '', '', '@' || sampleOccurrence) as sample,"
        " breached_essays, essay_status from classified_reports where carries_alarm is not null order by sample",
    )
    wrong = []
    for alarm in alarms[::share]:
        found = show_report(settings, alarm["sample"], [alarm["client"].lower()])
        shown = {value["essay"]: value["status"] for value in found.values}
        limits = {value["essay"]: value["limit"] for value in found.values}
        for breach in json.loads(alarm["breached_essays"]):
            if shown[breach["essay"]] != json.loads(alarm["essay_status"])[breach["essay"]]:
                wrong.append(f"{alarm['sample']} {breach['essay']}: status")
            is_percentile = breach["limit"] is not None and not isinstance(breach["value"], str)
            is_known = breach["limit"] in breach_limits(found, breach["essay"]) or breach["essay"] in FLOORED
            if is_percentile and not (is_known and limits[breach["essay"]] == breach["limit"]):
                wrong.append(f"{alarm['sample']} {breach}")
    assert alarms
    return wrong


@pytest.mark.slow
def test_report_shows_the_limits_that_judged_it(lake: Settings):
    assert wrong_limits(lake, share=5) == []


@pytest.mark.slow
def test_report_shows_the_values_of_the_sample_before(lake: Settings):
    (later,) = rows(
        lake,
        'select sampleNumber, previousSampleNumber, "Hierro" as iron from classified_reports'
        " where previousSampleNumber is not null and labComment is not null order by 1 limit 1",
    )
    found = show_report(lake, later["sampleNumber"])
    assert found.before
    assert found.before["sampleNumber"] == later["previousSampleNumber"]
    earlier = show_report(lake, later["previousSampleNumber"])
    values = {value["essay"]: value["value"] for value in earlier.values}
    assert {value["essay"]: value["before"] for value in found.values if value["before"]}.items() <= values.items()
    assert found.report["sourceFile"].endswith(".xlsx")
    assert found.report["sourceRow"] > 1


@pytest.mark.slow
def test_machine_has_its_components_in_the_order_of_its_text(lake: Settings, capsys: pytest.CaptureFixture[str]):
    for machine in rows(lake, "select * from machine_status_current"):
        found = show_machine(lake, machine["unit_id"].lower().replace("_", "-"), None, datetime.now(UTC).date())
        components = [row["component"] for row in found.components]
        assert components == machine["component_order"]
        assert machine["first_component"] in (None, components[0])
        print_machine(found)
        assert machine["unit_id"] in capsys.readouterr().out


@pytest.mark.slow
def test_limits_are_found_by_any_spelling_of_their_names(lake: Settings, capsys: pytest.CaptureFixture[str]):
    found = show_limits(lake, machine="CAMIÓN", component="Motor", essay="hierro")
    assert {row["essay"] for row in found} == {"Hierro"}
    print_limits(found)
    assert "Hierro" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match=r"Components of this machine: .*motor"):
        show_limits(lake, machine="camion", component="nothing")


@pytest.mark.slow
def test_nothing_is_worse_than_what_is_published_now(lake: Settings):
    assert top_movers(lake, datetime.now(UTC).date()) == Movers([], {})
    with pytest.raises(ConfigurationError, match="the oldest gold is of"):
        top_movers(lake, date(2020, 1, 1))


@pytest.mark.slow
def test_components_that_got_worse_are_listed_by_their_rise(tmp_path: Path, parsed_project: None):
    """On the first day one truck was published, on the second day two."""
    settings = load_settings(lake=tmp_path / "lake")
    write_sample_lake(settings.lake, finning_units=2, als_units=1, months=12, clients=("cda",))
    _, second = sorted(path for path in settings.lake.rglob("*.xlsx"))
    later = second.rename(tmp_path / second.name)
    run(OIL, settings)
    (day,) = (settings.lake / "oil-analysis" / "gold" / "cda" / "_history").glob("[0-9]*")
    day.rename(day.with_name("2026-01-31"))
    later.rename(second)
    run(OIL, settings)
    found = top_movers(settings, date(2026, 1, 31)).rows
    rises = [row["rise"] for row in found]
    assert rises == sorted(rises, reverse=True)
    assert min(rises) > 0
    assert [row["unit_id"] for row in found if row["status_before"] is None]


@pytest.mark.slow
def test_clients_that_cannot_be_read_are_named(
    lake: Settings, tmp_path: Path, tribolake: Callable[..., subprocess.CompletedProcess[str]]
):
    """Given that somebody removed what readers see of a client, the others are answered, and the exit code says so."""
    settings = load_settings(lake=tmp_path / "lake")
    shutil.copytree(lake.lake, settings.lake, symlinks=True)
    (settings.lake / "oil-analysis" / "gold" / "emin" / "_manifest.json").unlink()
    today, file = datetime.now(UTC).date(), tmp_path / "fleet.xlsx"
    assert [*top_movers(settings, today).left_out] == ["emin"]
    with pytest.raises(ConfigurationError, match="emin"):
        top_movers(settings, today, ["emin"])
    moved = tribolake("top-movers", "--since", today.isoformat(), "--lake", str(settings.lake), "--json")
    assert (moved.returncode, [*json.loads(moved.stdout)["left_out"]]) == (4, ["emin"])
    assert "emin is left out" in moved.stderr
    exported = tribolake("export", str(file), "--lake", str(settings.lake))
    assert exported.returncode == 4, exported.stderr
    book = CalamineWorkbook.from_path(str(file))
    assert [row[0] for row in book.get_sheet_by_name(LEFT_OUT).to_python()] == ["client", "EMIN"]


@pytest.mark.slow
def test_workbook_has_a_sheet_for_each_question(lake: Settings, tmp_path: Path):
    file = tmp_path / "fleet.xlsx"
    sheets = export_fleet(lake, file)
    book = CalamineWorkbook.from_path(str(file))
    assert book.sheet_names == list(sheets)
    machines = book.get_sheet_by_name("Look first").to_python()
    assert machines[0][:2] == ["client", "unit id"]
    assert len(machines) == sheets["Look first"] + 1
    assert sheets["Limits"] == len(show_limits(lake))
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.xlsx"]
    with pytest.raises(ConfigurationError, match=r"ends in \.xlsx"):
        export_fleet(lake, tmp_path / "fleet.csv")


@pytest.mark.slow
def test_lake_without_limits_is_exported(tmp_path: Path, parsed_project: None):
    """A new mine has a few samples, and no group of them has limits under the policy of the former code."""
    settings = load_settings(lake=tmp_path)
    write_sample_lake(settings.lake, finning_units=1, als_units=1, months=1)
    run(OIL, settings, policy="reference")
    assert show_limits(settings) == show_limits(settings, machine="camion") == []
    assert export_fleet(settings, tmp_path / "fleet.xlsx")["Limits"] == 0


def test_cells_of_a_workbook_are_texts_whatever_they_begin_with(tmp_path: Path):
    file = tmp_path / "hostile.xlsx"
    rows = [{"unit_id": text, "score": 3, "day": date(2026, 1, 31)} for text in FORMULAS]
    file.write_bytes(workbook_of([Sheet("Hostile", rows)]))
    with zipfile.ZipFile(file) as archive:
        page = archive.read("xl/worksheets/sheet1.xml").decode()
        names = archive.namelist()
    assert "<f>" not in page
    assert "<hyperlink" not in page
    assert not [name for name in names if "externalLink" in name]
    found = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in found[1:6]] == FORMULAS[:5]
    assert found[1][1:] == [3.0, date(2026, 1, 31)]
    assert found[-1][0] == "007"


def test_days_of_a_workbook_are_days_though_gold_has_them_as_text(tmp_path: Path):
    file = tmp_path / "days.xlsx"
    row = {"unit_id": "2026-01-31", "deadline_on": "2026-01-31", "latest_sample_date": "2026-02-01T00:00:00"}
    file.write_bytes(workbook_of([Sheet("Days", [row, row | {"deadline_on": None, "latest_sample_date": "soon"}])]))
    _, first, second = CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    assert first == ["2026-01-31", date(2026, 1, 31), date(2026, 2, 1)]
    assert second == ["2026-01-31", "", "soon"]


def test_no_name_controls_the_terminal(capsys: pytest.CaptureFixture[str]):
    moved = {
        "client": HOSTILE, "unit_id": HOSTILE, "component": HOSTILE, "status_before": HOSTILE, "status": HOSTILE,
        "rise": 3, "urgency": "U1", "sample_number": HOSTILE, "sample_date": date(2026, 1, 31), "essays": [HOSTILE],
    }  # fmt: skip
    print_movers([moved], show_all=False)
    print_limits([dict.fromkeys(COLUMNS, None) | {"client": HOSTILE, "n": 3, "source_level": "model"}])
    value = {
        "essay": HOSTILE,
        "value": HOSTILE,
        "before": HOSTILE,
        "status": "Critico",
        "unit": HOSTILE,
        "quality": "A",
        "limit": 3.0,
        "delivered": HOSTILE,
    }
    limits = dict.fromkeys(COLUMNS, None)
    report = dict.fromkeys(
        ("client", "unitId", "componentName", "sampleNumber", "oilBrand", "oilType", "oilWeight", "report_status",
         "limits_version", "ai_recommendation", "labVerdict", "labComment", "sourceFile", "sourceSheet",
         "sourceSha256", "alarm_component"), HOSTILE,
    )  # fmt: skip
    report |= {
        "sampleDate": None, "oilMeter": 3.0, "classification_score": 9, "urgency": "U0", "rule_ids": [HOSTILE],
        "carries_alarm": False, "kilometers": {"machineHours": 3.0}, "alarm_also_in": [HOSTILE], "sourceRow": 3,
        "sump_difference": {
            "essay": HOSTILE, "low_component": HOSTILE, "low": 1.0, "high_component": HOSTILE, "high": 2.0
        },
    }  # fmt: skip
    before = {"sampleNumber": HOSTILE, "sampleDate": None, "report_status": "Normal", "classification_score": 0}
    print_report(ShownReport(report, [limits | value], before, "stricter"))
    said = capsys.readouterr().out
    assert "\x1b" not in said
    # Nothing was taken for markup: texts of the component, of the limit, and of the report.
    assert said.count("[b]") == 7 + 1 + 28


@pytest.mark.slow
def test_real_reports_show_the_limits_that_judged_them(real_data: Path, tmp_path: Path, parsed_project: None):
    settings = load_settings(lake=tmp_path)
    shutil.copytree(real_data / "bronze", tmp_path / "oil-analysis" / "bronze")
    run(OIL, settings)
    assert wrong_limits(settings, share=40) == []
