"""Test what runs with new files change, what they keep, and their history."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tribolake.oil.feedback.give import give
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.run.report import RunReport
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of both laboratories that a run has published."""
    lake = tmp_path_factory.mktemp("base")
    write_sample_lake(lake, finning_units=2, als_units=8, months=14, dirty=False)
    run(OIL, load_settings(lake=lake))
    return lake


@pytest.fixture
def settings(base: Path, tmp_path: Path) -> Settings:
    """A copy of that lake."""
    shutil.copytree(base, tmp_path / "lake", symlinks=True)
    return load_settings(lake=tmp_path / "lake")


def bronze_of(settings: Settings) -> Path:
    return settings.lake / "oil-analysis" / "bronze" / "emin"


def gold_reports(settings: Settings, client: str) -> str:
    return str(settings.lake / "oil-analysis" / "gold" / client / "classified_reports.parquet")


def query(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def place_of(settings: Settings, number: str) -> list[tuple]:
    return query(settings, f"select unitId, componentName from silver.samples where sampleNumber = '{number}'")


def als_rows(settings: Settings) -> pa.Table:
    (path,) = bronze_of(settings).rglob("muestras*.parquet")
    return pq.read_table(path)


def deliver(settings: Settings, rows: pa.Table, name: str) -> RunReport:
    path = bronze_of(settings) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)
    return run(OIL, settings)


def with_text(rows: pa.Table, column: str, text: str | None) -> pa.Table:
    texts = pa.array([text] * len(rows), pa.string())
    return rows.set_column(rows.column_names.index(column), column, texts)


def with_result(rows: pa.Table, essay: str, text: str) -> pa.Table:
    """Return rows with another result of an essay."""
    for name in [name for name in rows.column_names if name.endswith("_test_translation_name")]:
        value = name.replace("test_translation_name", "resultValue")
        is_essay = pc.equal(rows[name], essay)
        changed = pc.if_else(pc.fill_null(is_essay, False), text, rows[value].cast(pa.string()))
        rows = rows.set_column(rows.column_names.index(value), value, changed)
    return rows


@pytest.mark.slow
def test_new_sample_judges_its_component_and_new_limits_only(settings):
    rows = als_rows(settings)
    one = with_text(rows.slice(0, 1), "sampleNumber", "ONE-MORE")
    ((unit, component),) = place_of(settings, rows["sampleNumber"][0].as_py())
    report = deliver(settings, one, "2026-03-01/one.parquet")
    assert report.clients["emin"].rows_loaded == 1
    recalculated = query(
        settings, "select client, machine, component from limits.limit_decisions where is_recalculated"
    )
    judged = query(
        settings, "select distinct client, unitId, componentName, machineName, componentNameNormalized"
        " from changes.samples_to_judge where is_taken"
    )  # fmt: skip
    assert ("EMIN", unit, component) in {row[:3] for row in judged}
    assert {(client, machine, family) for client, one_unit, name, machine, family in judged
            if (one_unit, name) != (unit, component)} <= set(recalculated)  # fmt: skip
    assert "CDA" not in {row[0] for row in judged}
    assert query(settings, "select count(*) from changes.pending_contents") == [(1,)]


@pytest.mark.slow
def test_late_sample_joins_the_chain_of_its_component(settings):
    ((number, unit, component, day, before),) = query(
        settings,
        "select sampleNumber, unitId, componentName, sampleDate, previousSampleNumber from silver.samples"
        " where client = 'EMIN' and daysSincePrevious > 20 order by sampleNumber limit 1",
    )
    rows = als_rows(settings)
    late = rows.filter(pc.equal(rows["sampleNumber"].cast(pa.string()), number))
    moment = (day - timedelta(days=5)).isoformat() + "T12:00:00.000Z"
    late = with_text(with_text(late, "sampleNumber", "LATE"), "collectionData_dateSampled", moment)
    deliver(settings, late, "2026-03-01/late.parquet")
    chain = dict(query(
        settings, "select sampleNumber, previousSampleNumber from silver.samples"
        f" where unitId = '{unit}' and componentName = '{component}'"
    ))  # fmt: skip
    assert (chain["LATE"], chain[number]) == (before, "LATE")


@pytest.mark.slow
def test_sample_of_an_unknown_machine_is_not_judged(settings):
    unknown = als_rows(settings).slice(0, 1)
    for column, text in (("sampleNumber", "U-1"), ("equipment_family_name", None), ("equipment_model", None)):
        unknown = with_text(unknown, column, text)
    report = deliver(settings, unknown, "2026-03-01/unknown.parquet")
    assert report.clients["emin"].published
    judged = f"select report_status, machineName from '{gold_reports(settings, 'emin')}' where sampleNumber = 'U-1'"
    assert query(settings, judged) == [("Sin evaluar", None)]


@pytest.fixture
def corrected(settings: Settings) -> tuple[Settings, str]:
    """The lake after a correction turned the last, Normal sample of a machine without alarms into an alarm."""
    ((number,),) = query(
        settings,
        "select sample_number from gold.component_status_current as components"
        " inner join gold.machine_status_current as machines using (client, unit_id)"
        " where components.client = 'EMIN' and status = 'Normal' and machine_score = 0"
        " and component_family = 'motor' order by sample_number limit 1",
    )
    rows = als_rows(settings)
    wrong = rows.filter(pc.equal(rows["sampleNumber"].cast(pa.string()), number))
    worn = wrong
    for metal in ("Hierro", "Cromo", "Aluminio", "Cobre", "Plomo", "Níquel", "Estaño"):
        worn = with_result(worn, metal, "9000")
    deliver(settings, worn, "2026-03-01/correction.parquet")
    return settings, number


@pytest.mark.slow
def test_correction_changes_the_report_and_supersedes_the_row(corrected):
    settings, number = corrected
    status = f"select report_status, Hierro from '{gold_reports(settings, 'emin')}' where sampleNumber = '{number}'"
    assert query(settings, status) == [("Anormal", 9000)]
    superseded = query(settings, "select sum(rows_superseded) from silver.arrival_reconciliation where client = 'emin'")
    assert superseded == [(1,)]


@pytest.mark.slow
def test_history_has_both_statuses_after_a_correction(corrected, tribolake):
    settings, number = corrected
    ((unit, component),) = place_of(settings, number)
    spoken = unit.replace("_", "-")
    ended = tribolake("history", "--lake", str(settings.lake), "--unit", spoken, "--component", component, "--json")
    assert ended.returncode == 0, ended.stderr
    versions = [
        (report["report_status"], report["valid_to"] is None)
        for report in json.loads(ended.stdout)["reports"]
        if report["sample_number"] == number
    ]
    assert versions == [("Normal", False), ("Anormal", True)]
    today = datetime.now(UTC).date()
    as_of = json.loads(
        tribolake("history", "--lake", str(settings.lake), "--unit", spoken, "--as-of", str(today), "--json").stdout
    )
    assert [machine["machine_score"] for machine in as_of["machines"]] == [5]
    assert {report["sample_number"] for report in as_of["reports"] if report["report_status"] == "Anormal"} == {number}
    yesterday = str(today - timedelta(days=1))
    before = tribolake("history", "--lake", str(settings.lake), "--as-of", yesterday, "--json")
    assert json.loads(before.stdout)["machines"] == []


@pytest.mark.slow
def test_history_without_options_says_what_to_give(settings, tribolake):
    ended = tribolake("history", "--lake", str(settings.lake))
    assert ended.returncode == 2
    assert "--unit T-09" in ended.stderr


@pytest.mark.slow
def test_history_of_what_was_never_published_says_so(settings, tribolake):
    ((unit, component),) = query(settings, "select unitId, componentName from silver.samples order by row_id limit 1")
    asked = ("history", "--lake", str(settings.lake), "--unit")
    nothing = tribolake(*asked, "T-9999")
    assert (nothing.returncode, "T-9999" in nothing.stderr) == (2, True), nothing.stderr
    other = tribolake(*asked, unit, "--component", "sails")
    assert (other.returncode, "sails" in other.stderr, component in other.stderr) == (2, True, True), other.stderr
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    assert tribolake(*asked, unit, "--as-of", yesterday).returncode == 0


@pytest.mark.slow
def test_few_new_samples_keep_the_limits(settings, tribolake):
    versions = f"select distinct limits_version from '{gold_reports(settings, 'cda')}'"
    first = query(settings, versions)
    deliver(settings, with_text(als_rows(settings).slice(3, 1), "sampleNumber", "FEW"), "2026-03-01/few.parquet")
    assert query(settings, versions) == first
    report = run(OIL, settings, recalculate_limits=True)
    assert not report.nothing_new
    reasons = query(settings, "select distinct reason from limits.limit_decisions where n_now > 0")
    assert reasons == [("asked for",)]
    log = json.loads(tribolake("limits", "decisions", "--lake", str(settings.lake), "--json").stdout)["decisions"]
    assert {decision["reason"] for decision in log if decision["n_now"]} == {"asked for"}
    assert query(settings, "select count(distinct run_id) from history.limit_decisions") == [(3,)]


@pytest.mark.slow
def test_old_limits_are_calculated_after_new_samples_only(settings):
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("update control.limit_calculations set calculated_at = calculated_at - interval 8 days")
    report = run(OIL, settings)  # the files arrived after that moment
    assert not report.nothing_new
    reasons = query(settings, "select distinct reason from limits.limit_decisions where n_now > 0")
    assert reasons == [("older than 7 days",)]
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("update control.limit_calculations set calculated_at = calculated_at - interval 8 days")
        warehouse.execute("update bronze.bronze_arrivals set arrived_at = arrived_at - interval 30 days")
    assert run(OIL, settings).nothing_new


@pytest.mark.slow
def test_limits_diff_names_moved_limits_and_changed_samples(settings, tribolake):
    rows = als_rows(settings)
    higher = with_result(rows.slice(0, len(rows) // 4), "Hierro", "77")
    numbers = pa.array([f"H-{at}" for at in range(len(higher))])
    higher = higher.set_column(higher.column_names.index("sampleNumber"), "sampleNumber", numbers)
    deliver(settings, higher, "2026-03-01/higher.parquet")
    folder = settings.lake / "oil-analysis" / "silver" / "stewart_limits"
    versions = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    of_emin = [
        version.name
        for version in versions
        if duckdb.execute(
            "select any_value(client) from read_parquet(?)", [str(version / "stewart_limits.parquet")]
        ).fetchone() == ("EMIN",)
    ]  # fmt: skip
    ended = tribolake("limits", "diff", of_emin[0], of_emin[-1], "--lake", str(settings.lake), "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    moved = {limit["essay"] for limit in found["limits"] if limit["normal_before"] != limit["normal_after"]}
    assert "Hierro" in moved
    assert found["samples"]
    # The published judgement by the current version agrees.
    in_force = dict(query(settings, "select sampleNumber, report_status from gold.classified_reports"))
    assert all(in_force[sample["sample_number"]] == sample["status_after"] for sample in found["samples"])
    # What was said of a sample is counted, and changes nothing.
    said_of = found["samples"][0]["sample_number"]
    give(settings, said_of, "confirmed", "A. Rojas", datetime.now(UTC), ["emin"], finding="bearing")
    give(settings, said_of, "seen", "A. Rojas", datetime.now(UTC), ["emin"])
    again = tribolake("limits", "diff", of_emin[0], of_emin[-1], "--lake", str(settings.lake))
    assert "1 of them with a confirmed finding, 0 said to be false alarms" in " ".join(again.stdout.split())
    unknown = tribolake("limits", "diff", of_emin[0], "default-000000000000", "--lake", str(settings.lake))
    assert unknown.returncode == 2
    assert "choose one of" in unknown.stderr


@pytest.mark.slow
def test_failed_file_is_listed_until_a_retry_reads_it(settings, tribolake):
    path = bronze_of(settings) / "2026-03-01" / "torn.parquet"
    path.parent.mkdir()
    pq.write_table(with_text(als_rows(settings).slice(0, 1), "sampleNumber", "TORN"), path)
    whole = path.stat().st_size
    os.truncate(path, whole + 1000)  # Parquet is read from its end
    lake = ("--lake", str(settings.lake))

    def dead_files() -> list[dict]:
        return json.loads(tribolake("arrivals", "list", "--failed", *lake, "--json").stdout)["files"]

    assert run(OIL, settings).failed_files
    assert [file["file"].rsplit("/", 1)[1] for file in dead_files()] == ["torn.parquet"]
    assert run(OIL, settings).nothing_new
    assert tribolake("arrivals", "retry", *lake).returncode == 0
    assert run(OIL, settings).failed_files
    assert [file["attempts"] for file in dead_files()] == [2]
    os.truncate(path, whole)
    assert run(OIL, settings).clients["emin"].rows_loaded == 1
    assert dead_files() == []
    unknown = tribolake("arrivals", "retry", "no/such/file", *lake)
    assert unknown.returncode == 2
    assert "arrivals list --failed" in unknown.stderr


@pytest.mark.slow
def test_sample_dated_ahead_is_used_from_its_day_on(settings):
    ahead = with_text(als_rows(settings).slice(0, 1), "sampleNumber", "AHEAD")
    soon = (datetime.now(UTC) + timedelta(seconds=25)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    report = deliver(settings, with_text(ahead, "collectionData_dateSampled", soon), "2026-03-01/ahead.parquet")
    assert report.clients["emin"].rows_rejected == 1
    with duckdb.connect(settings.warehouse) as warehouse:  # as if its day had come
        warehouse.execute(
            "update control.processed_contents set due_at = due_at - interval 1 minute where due_at is not null"
        )
    assert not run(OIL, settings).nothing_new


@pytest.mark.slow
def test_missing_table_is_rebuilt_by_a_full_refresh(settings, tribolake):
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute("drop table silver.int_reported_results")
    ended = tribolake("run", "--recalculate-limits", "--lake", str(settings.lake))
    assert ended.returncode == 1
    assert "--full-refresh" in ended.stderr
    assert tribolake("run", "--full-refresh", "--lake", str(settings.lake)).returncode == 0
