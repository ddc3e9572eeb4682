"""Test that the quality of alarms and data is what a plain recount finds, and that page and command say the same."""

from __future__ import annotations

import json
import shutil
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from bs4 import BeautifulSoup
from tests.support.page_reader import Pages, text_of
from tests.web.test_hostile_pages import check
from typer.testing import CliRunner

from tribolake.cli.app import app
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.give import give
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.quality import Quality, measure_quality
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings, load_settings
from tribolake.web.words import words_in

pytestmark = pytest.mark.slow
NOW = datetime.now(UTC)
CLIENTS = ("cda", "emin")
IN_ALARM = ("Alerta", "Anormal")
REPORTS = "select * from classified_reports order by client, unitId, componentName, sampleTimestamp"


@pytest.fixture(scope="module")
def settings(page_lake: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the lake with findings: of a sample the last one counts, and one that was withdrawn does not."""
    lake = tmp_path_factory.mktemp("quality") / "lake"
    shutil.copytree(page_lake.lake, lake, symlinks=True)
    settings = load_settings(lake=lake)
    said = {
        "H-0": "false_alarm",
        "H-1": "nothing_found",
        "H-2": "confirmed",
        "W-2026-01-10": "confirmed",
        "H-3": "seen",
    }
    for place, (number, kind) in enumerate(said.items()):
        finding = {"finding": "agua en el cárter"} if kind == "confirmed" else {}
        give(settings, number, kind, "Ana", NOW + timedelta(seconds=place), ["cda"], **finding)
    give(settings, "H-0", "confirmed", "Ana", NOW + timedelta(minutes=1), ["cda"], finding="metal")
    return settings


@pytest.fixture(scope="module")
def quality(settings: Settings) -> Quality:
    published = open_objects(settings)
    return measure_quality(settings, published, {one: read_feedback(published, one) for one in CLIENTS}, NOW)


def share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def judged(settings: Settings) -> list[dict[str, Any]]:
    """Each report with what the laboratory and engineers say, told without SQL."""
    verdicts = {(one["laboratory"], one["text"].lower()): one["verdict"] for one in read_seed("lab_verdicts")}
    found = {"H-0": True, "H-1": False, "H-2": True, "W-2026-01-10": True}
    reports = rows(settings, REPORTS)
    for report in reports:
        verdict = verdicts.get((report["laboratory"], (report["labVerdict"] or "").lower()), "unknown")
        report["asks"] = None if verdict == "unknown" else verdict in ("action", "urgent")
        report["found"] = found.get(report["sampleNumber"])
        report["in_alarm"] = report["report_status"] in IN_ALARM
        report["right"] = report["asks"] if report["found"] is None else report["found"]
    return reports


def counted(reports: Iterable[dict[str, Any]], actions: int | None = None, found: int | None = None) -> dict[str, Any]:
    every = list(reports)
    alarms = [one for one in every if one["in_alarm"]]
    said, checked = ([one for one in alarms if one[name] is not None] for name in ("asks", "found"))
    right, confirmed = ([one for one in alarms if one[name]] for name in ("asks", "found"))
    own_actions = actions if actions is not None else sum(one["asks"] is True for one in every)
    own_found = found if found is not None else sum(one["found"] is True for one in every)
    return {
        "reports": len(every),
        "alarms": len(alarms),
        "false_alarms": sum(one["right"] is False for one in alarms),
        "precision": share(len(right), len(said)),
        "recall": share(len(right), own_actions),
        "precision_found": share(len(confirmed), len(checked)),
        "recall_found": share(len(confirmed), own_found),
    }


def test_precision_and_recall_are_those_of_a_recount(settings: Settings, quality: Quality):
    reports = judged(settings)
    whole = counted(reports)
    assert {name: quality.of_part("all")[0][name] for name in whole} == whole
    assert 0 < whole["precision"] < 1
    assert (whole["precision_found"], whole["recall_found"]) == (share(2, 3), share(2, 3))
    totals = [sum(bool(one[name]) for one in reports) for name in ("asks", "found")]
    parts = {
        "component": lambda one: one["componentNameNormalized"],
        "month": lambda one: one["sampleDate"].strftime("%Y-%m"),
        "rule": lambda one: (one["rule_ids"] or [None])[0],
    }
    for part, name_of in parts.items():
        groups = defaultdict(list)
        for report in reports:
            groups[name_of(report)].append(report)
        if part == "rule":
            del groups[None]
        found = {row["name"]: {name: row[name] for name in whole} for row in quality.of_part(part)}
        assert found == {name: counted(each, *(totals if part == "rule" else ())) for name, each in groups.items()}, (
            part
        )


def test_limits_with_false_alarms_are_those_of_a_recount(settings: Settings, quality: Quality):
    false, right = Counter(), Counter()
    by_key = {(one["client"], one["laboratory"], one["sampleNumber"], one["sampleOccurrence"]): one
              for one in judged(settings) if one["in_alarm"]}  # fmt: skip
    for result in rows(settings, "from results where decides and points > 0"):
        key = tuple(result[name] for name in ("client", "laboratory", "sampleNumber", "sampleOccurrence"))
        if report := by_key.get(key):
            machine = report["machineModel"] or report["machineName"]
            group = (machine, report["componentNameNormalized"], result["essay"], result["limit_source"])
            (false if report["right"] is False else right)[group] += report["right"] is not None
    found = {
        (row["machine"], row["component"], row["essay"], row["limit_source"]): (
            row["false_alarms"],
            row["right_alarms"],
        )
        for row in quality.limits
    }
    assert found
    assert {group: (false[group], right[group]) for group in found} == found
    assert min(count for count, _ in found.values()) >= max(
        (count for group, count in false.items() if group not in found), default=0
    )


def test_samples_due_and_overdue_are_those_of_a_recount(settings: Settings, quality: Quality):
    recent = {(one["client"], one["unit_id"]) for one in rows(settings, "from machine_status_current where is_recent")}
    families = {(one["client"], one["unit_id"], one["component"]): one["component_family"]
                for one in rows(settings, "from component_status")}  # fmt: skip
    reports = rows(settings, REPORTS)
    newest = {client: max(one["sampleDate"] for one in each)
              for client, each in groupby(reports, key=lambda one: one["client"])}  # fmt: skip
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key, each in groupby(reports, key=lambda one: (one["client"], one["unitId"], one["componentName"])):
        if key[:2] not in recent:
            continue
        days = [one["sampleDate"] for one in each]
        gaps = [(after - before).days for before, after in pairwise(days) if after > before]
        late = (newest[key[0]] - days[-1]).days / statistics.median(gaps) if len(gaps) >= 3 else None
        own = counts[families[key]]
        own["components"] += 1
        own["unknown"] += late is None
        own["overdue"] += late is not None and late >= 1.5
        own["due"] += late is not None and 1 <= late < 1.5
    names = ("components", "unknown", "overdue", "due")
    assert {row["component"]: {name: row[name] for name in names} for row in quality.sampling} == {
        name: {one: own[one] for one in names} for name, own in counts.items()
    }
    assert {row["unit_id"] for row in quality.overdue} >= {"L_1"}
    assert sum(own["due"] for own in counts.values()) > 0
    assert len(quality.overdue) == min(20, sum(own["overdue"] for own in counts.values()))
    known = {one["client"]: one for one in quality.sites if one["site"] is not None and one["components"]}
    assert all(one["on_time"] is None or 0 <= one["on_time"] <= 1 for one in known.values())


def test_what_is_not_used_is_that_of_the_silver_file(settings: Settings, quality: Quality):
    folder = settings.lake / "oil-analysis" / "silver" / "rejected"
    rejected = [row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    unmapped = ("unknown_sheet", "unknown_column", "unknown_essay")
    things = Counter((row["client"], row["reason"]) for row in rejected if row["reason"] not in unmapped)
    assert {(row["client"], row["reason"]): row["things"] for row in quality.not_used} == things
    assert things["CDA", "not_a_number"] > 1
    names = {(row["client"], row["reason"], row["text"]) for row in rejected if row["reason"] in unmapped}
    assert {(row["client"], row["reason"], row["name"]) for row in quality.unmapped} == names
    places = {(row["file_key"], row["sheet"], row["row_number"], row["text"]) for row in rejected}
    assert {(row["file_key"], row["sheet"], row["row"], row["text"]) for row in quality.examples} <= places
    assert {row["reason"] for row in quality.examples} == {
        row["reason"] for row in rejected if row["row_number"] is not None
    }


def cells(page: BeautifulSoup) -> dict[str, list[list[str]]]:
    """The rows of each table of the page, by its title."""
    return {
        text_of(part.summary).rpartition(" ")[0]: [
            [text_of(cell.select_one("a, bdi")) for cell in row.select("th, td")] for row in part.select("tbody tr")
        ]
        for part in page.select(".quality details")
    }


def test_page_and_command_say_the_same(settings: Settings, quality: Quality):
    words = words_in("en")
    ran = CliRunner().invoke(app, ["quality", "--lake", str(settings.lake), "--json"])
    assert ran.exit_code == 0, ran.output
    said = json.loads(ran.stdout)
    for one in (*said["published"], *quality.published):
        del one["age_seconds"]
    assert said == json.loads(json.dumps(quality.as_dict(), default=str))
    page = Pages(settings).read("/quality", lang="en")
    check(page)
    tables = cells(page)
    for part, title in (("component", "By component"), ("month", "By month of the sample")):
        shown = [[row[1], row[2], row[3], row[4]] for row in tables[title]]
        own = [row for row in said["alarms"] if row["part"] == part][: 24 if part == "month" else None]
        assert shown == [
            [words.number(row["alarms"]), *("–" if row[name] is None else f"{words.number(round(100 * row[name], 1))} %"
             for name in ("precision", "recall")), words.number(row["false_alarms"])]
            for row in own
        ]  # fmt: skip
    assert [row[1:] for row in tables["Values, rows and files that are not used"]] == [
        [row["client"], words.number(row["things"]), words.number(row["files"])] for row in said["not_used"]
    ]
    assert "not prediction of failure" in text_of(page.select_one(".card"))
    assert [row[0] for row in tables["By client"]] == ["CDA", "EMIN"]


def test_rejected_value_leads_to_its_row(settings: Settings):
    pages = Pages(settings)
    links = [link["href"] for link in pages.read("/quality").select(".quality a[href^='/lineage']")]
    assert links
    for link in links[:3]:
        assert pages.read(link).select("h1")


def test_page_of_one_client_names_no_other(settings: Settings):
    pages = Pages(settings)
    tables = cells(pages.read("/quality", client="emin", lang="en"))
    assert {row[0] for row in tables["By client"]} == {"EMIN"}
    assert {row[1] for row in tables["Completeness by site"]} == {"EMIN"}
    assert pages.ask("/quality", client="nobody").status_code == 404


def test_command_prints_names_without_control_characters(settings: Settings):
    ran = CliRunner().invoke(app, ["quality", "--lake", str(settings.lake)])
    assert ran.exit_code == 0, ran.output
    assert "Agreement with a laboratory is not prediction of failure" in ran.output
    assert "\x1b[31mred" not in ran.output


def test_empty_lake_names_the_command(tmp_path: Path):
    settings = load_settings(lake=tmp_path / "lake")
    settings.lake.mkdir()
    assert "tribolake run" in text_of(Pages(settings).read("/quality"))
    ran = CliRunner().invoke(app, ["quality", "--lake", str(settings.lake)])
    assert (ran.exit_code, "tribolake run" in ran.output + ran.stderr) == (2, True)
