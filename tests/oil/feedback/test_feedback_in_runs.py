"""Test that runs load feedback, and that it changes nothing else; and the command that gives it."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tribolake.cli.options import Exit
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.give import give, withdraw
from tribolake.oil.product import OIL
from tribolake.oil.questions.published import rows
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IN_ALARM = """
    select client, sampleNumber, unitId, componentName from classified_reports
    where report_status = 'Anormal' and sampleOccurrence = ''
    qualify row_number() over (partition by client, unitId, componentName order by sampleTimestamp desc) = 1
    order by client, sampleNumber
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Path:
    """A published lake without feedback. The newest file of bronze is held out."""
    lake = tmp_path_factory.mktemp("base") / "lake"
    write_sample_lake(lake, finning_units=2, als_units=2, months=8)
    held_out = max((lake / "oil-analysis" / "bronze" / "cda").rglob("*.xlsx"))
    held_out.rename(lake.parent / "held out.xlsx")
    run(OIL, load_settings(lake=lake))
    return lake


@pytest.fixture
def settings(base: Path, tmp_path: Path) -> Settings:
    shutil.copytree(base, tmp_path / "lake", symlinks=True)
    return load_settings(lake=tmp_path / "lake")


def published(settings: Settings) -> dict[str, str]:
    """SHA-256 of each published file of gold and silver, without deltas, which name their runs."""
    home = settings.lake / "oil-analysis"
    files = [*home.glob("gold/*/*.parquet"), *home.glob("silver/[!_]*/*.parquet")]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def in_warehouse(settings: Settings, query: str) -> list[tuple]:
    with duckdb.connect(settings.warehouse, read_only=True) as connection:
        return connection.execute(query).fetchall()


def give_some(settings: Settings) -> str:
    """Three entries on one report, one of them withdrawn, and an object that is none. Returns the sample."""
    alarm = rows(settings, IN_ALARM)[0]
    sample, client = alarm["sampleNumber"], [alarm["client"].lower()]
    give(settings, sample, "confirmed", "A. Rojas", NOW, client, finding="cojinete", cost_usd=1200.0)
    first = give(settings, sample, "false_alarm", "B. Soto", NOW, client)
    withdraw(settings, open_objects(settings), first.entry_id, "B. Soto", NOW, note="not mine")
    (settings.lake / "oil-analysis" / "feedback" / client[0] / "2026-03-01" / "torn.json").write_text("{")
    return sample


def test_feedback_is_loaded_once_and_changes_nothing_that_is_published(settings: Settings, tribolake):
    before = published(settings)
    sample = give_some(settings)
    report = run(OIL, settings)
    assert report.reasons == ["feedback came since the last run"]
    assert published(settings) == before
    loaded = in_warehouse(settings, "select kind, sample_number, cost_usd, stands from silver.feedback order by 1")
    assert loaded == [
        ("confirmed", sample, 1200.0, True),
        ("false_alarm", sample, None, False),
        ("withdrawn", sample, None, False),
    ]
    assert run(OIL, settings).nothing_new
    status = json.loads(tribolake("status", "--json", "--lake", str(settings.lake)).stdout)
    assert [one["problem"] for one in status["unread_feedback"]] == ["its name is not that of an entry"]
    give(settings, sample, "seen", "C. Díaz", NOW)
    assert not run(OIL, settings).nothing_new
    read = in_warehouse(settings, "select count(*), count(distinct feedback_key) from bronze.bronze_feedback")
    assert read == [(5, 5)]


def test_gold_with_and_without_feedback_is_the_same(base: Path, settings: Settings, tmp_path: Path):
    """The law: a delivery, and limits that are calculated again, give the same files whatever was said before."""
    shutil.copytree(base, tmp_path / "without", symlinks=True)
    without = load_settings(lake=tmp_path / "without")
    give_some(settings)
    for one in (settings, without):
        delivered = one.lake / "oil-analysis" / "bronze" / "cda" / "2026-12-01" / "held out.xlsx"
        delivered.parent.mkdir()
        shutil.copy2(base.parent / "held out.xlsx", delivered)
        run(OIL, one, recalculate_limits=True)
    found = published(settings)
    assert found == published(without)
    assert found != published(load_settings(lake=base))
    assert in_warehouse(settings, "select count(*) from silver.feedback") == [(3,)]
    assert in_warehouse(without, "select count(*) from silver.feedback") == [(0,)]


def test_warehouse_of_an_earlier_release_gets_the_table(settings: Settings):
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("drop view silver.feedback; drop table bronze.bronze_feedback")
        earlier = json.dumps({"project": "of an earlier release"})
        warehouse.execute("update control.runs set fingerprints = json_merge_patch(fingerprints, $1)", [earlier])
    give_some(settings)
    run(OIL, settings)
    assert in_warehouse(settings, "select count(*) from silver.feedback") == [(3,)]


def test_lake_that_cannot_show_its_feedback_publishes_all_the_same(settings: Settings):
    give_some(settings)
    folder = settings.lake / "oil-analysis" / "feedback"
    for day in [*folder.glob("*/*")]:
        shutil.rmtree(day)
        day.write_text("a file where a folder was")
    run(OIL, settings)
    assert in_warehouse(settings, "select count(*) from silver.feedback") == [(0,)]


def test_command_adds_lists_and_withdraws(base: Path, tribolake):
    settings = load_settings(lake=base)
    lake = "--lake", str(base)
    sample = rows(settings, IN_ALARM)[0]["sampleNumber"]
    try:
        words = "feedback", "add", sample, "confirmed", "--by", "A. Rojas"
        assert tribolake(*words, *lake).returncode == Exit.USAGE
        added = tribolake(*words, "--finding", "bearing \x1b[31m", "--cost-usd", "12000", *lake)
        assert added.returncode == Exit.OK, added.stderr
        entry_id = added.stdout.split()[0]
        listed = tribolake("feedback", "list", *lake).stdout
        assert entry_id in listed
        assert "12000 USD" in " ".join(listed.split())
        assert "\x1b" not in listed
        taken = tribolake("feedback", "withdraw", entry_id.lower(), "--by", "A. Rojas", *lake)
        assert taken.returncode == Exit.OK, taken.stderr
        assert tribolake("feedback", "withdraw", entry_id, "--by", "A. Rojas", *lake).returncode == Exit.USAGE
        found = json.loads(tribolake("feedback", "list", "--json", *lake).stdout)
        stands = {one["kind"]: one["stands"] for one in found["entries"]}
        assert stands == {"confirmed": False, "withdrawn": False}
        assert tribolake("feedback", "add", "no such", "seen", "--by", "A", *lake).returncode == Exit.USAGE
        assert json.loads(tribolake("feedback", "list", "--client", "emin", "--json", *lake).stdout)["entries"] == []
    finally:
        shutil.rmtree(base / "oil-analysis" / "feedback", ignore_errors=True)
