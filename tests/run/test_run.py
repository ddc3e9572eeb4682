"""A run from laboratory files to published gold, by the command line and in this process."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from tests.conftest import read_manifest
from tests.support.small_warehouse import PUBLISHED
from tests.support.small_warehouse import warehouse as small_warehouse

from tribolake.errors import RunFailed
from tribolake.lake.bronze import Listing
from tribolake.oil.product import OIL
from tribolake.oil.status import lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.places import Places
from tribolake.publish.version import Version
from tribolake.run.control_tables import control_tables
from tribolake.run.pipeline import _publish as publish
from tribolake.run.pipeline import run
from tribolake.run.plan import Plan
from tribolake.run.project import Fingerprints
from tribolake.run.report import ClientReport, RunReport
from tribolake.run.run_records import RunRequest
from tribolake.run.warehouse import relation_exists
from tribolake.settings import Settings, load_settings

# One offence of each kind, in rows of EMIN. A run that reads only a file of CDA does not touch them.
EMIN_SAMPLE = "select max(sampleNumber) from gold.classified_reports where client = 'EMIN'"
OFFENCES = """
    delete from silver.int_sample_revisions where client = 'emin' and sampleNumber = '{sample}';
    update gold.judged_reports set policy = null where client = 'EMIN' and sampleNumber = '{sample}';
    insert into gold.judged_reports
        select * replace ('Kaputt' as report_status, 'default' as policy) from gold.judged_reports
        where client = 'EMIN' and sampleNumber = '{sample}';
    update bronze.bronze_rows set content_id = 'dangling' where client = 'emin' and row_number = 7;
"""
OFFENDED = {
    "rows_read_are_loaded_superseded_or_rejected",
    "not_null_judged_reports_policy",
    "reports_are_one_per_laboratory_number",
    "reports_have_a_known_status",
    "bronze_rows_come_from_an_arrival",
}
CONSERVATION = """
    select count(*), sum(rows_read), sum(rows_loaded), sum(rows_superseded), sum(rows_rejected),
           count(*) filter (where rows_read <> rows_loaded + rows_superseded + rows_rejected)
    from silver.arrival_reconciliation where status = 'loaded'
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, parsed_project: None) -> Settings:
    """A small fleet of both laboratories, with dirty cells and retests, run once."""
    settings = load_settings(lake=tmp_path_factory.mktemp("sample"))
    write_sample_lake(settings.lake, finning_units=3, als_units=15, months=18)
    report = run(OIL, settings)
    assert not report.needs_a_look, report
    return settings


def query(settings: Settings, sql: str) -> list[tuple]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def gold(settings: Settings, client: str, table: str) -> str:
    return str(settings.lake / "oil-analysis" / "gold" / client / f"{table}.parquet")


def tree(folder: Path) -> dict[str, str]:
    """Map every published file below a folder to its SHA-256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_rows_read_are_loaded_superseded_or_rejected(lake: Settings):
    ((arrivals, read, loaded, superseded, rejected, broken),) = query(lake, CONSERVATION)
    assert broken == 0
    assert arrivals == 4
    assert read == loaded + superseded + rejected
    assert superseded == 2  # one retest in each laboratory's files
    assert rejected > 0


def test_rejected_rows_keep_their_cells_and_a_reason(lake: Settings):
    reasons = {reason for (reason,) in query(lake, "select reason from silver.rejected_rows")}
    assert {"no_sample_date", "sample_date_in_future"} <= reasons
    assert query(lake, "select count(*) from silver.rejected_rows where cardinality(raw_cells) < 10") == [(0,)]


def test_results_have_all_essays_with_unit_and_censoring(lake: Settings):
    essays = {essay for (essay,) in query(lake, "select distinct essay from silver.results")}
    assert {"Viscosidad 100°C", "Índice PQ", "TBN", "Agua", "Hollín", "Código ISO", "ISO 4µ", "Glicol", "pH"} <= essays
    assert query(lake, "select count(*) from silver.results where unit is null") == [(0,)]
    censored = query(
        lake, "select distinct raw_text, censoring, detection_limit, calculation_value from silver.results"
        " where raw_text = '<0,05'"
    )  # fmt: skip
    assert censored == [("<0,05", "<", 0.05, 0.0)]


def test_values_that_are_not_numbers_have_a_rejection(lake: Settings):
    rejected = dict(query(lake, "select distinct raw_text, rejection from silver.results where rejection is not null"))
    assert rejected["5-10"] == "not_a_number"
    assert rejected["-5"] == "below_possible"


def test_published_samples_name_a_file_of_the_manifest(lake: Settings):
    for client in ("cda", "emin"):
        manifest = read_manifest(lake.lake, client)
        assert manifest["policy"] == "default"
        for file in manifest["files"]:
            content = (lake.lake / "oil-analysis" / "gold" / client / file["name"]).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
        sources = {source["key"] for source in manifest["sources"]}
        rows = duckdb.execute(
            "select distinct sourceFile from read_parquet(?)", [gold(lake, client, "classified_reports")]
        ).fetchall()
        assert {file for (file,) in rows} <= sources


def test_limits_are_published_under_the_version_of_reports(lake: Settings):
    ((version,),) = duckdb.execute(
        "select distinct limits_version from read_parquet(?)", [gold(lake, "cda", "classified_reports")]
    ).fetchall()
    folder = lake.lake / "oil-analysis" / "silver" / "stewart_limits" / version
    nested = json.loads((folder / "stewart_limits.json").read_text(encoding="utf-8"))
    assert set(nested["CDA"]["camion"]["motor"]["Hierro"]) == {
        "threshold_normal", "threshold_alert", "threshold_critic", "count",
    }  # fmt: skip
    assert (folder / "stewart_limits.parquet").exists()


def test_known_wear_and_contamination_are_found(lake: Settings):
    """Samples in an episode of known truth are alarms far more often than other samples."""
    ((recall, others),) = duckdb.execute(
        """
        with reports as (
            select lower(client) as client, sampleNumber, report_status in ('Alerta', 'Anormal') as is_alarm
            from read_parquet(?)
            union all
            select lower(client), sampleNumber, report_status in ('Alerta', 'Anormal') from read_parquet(?)
        ),
        truth as (
            select * from read_parquet(?) where episode_kind in ('wear', 'dust', 'water', 'fuel', 'coolant')
        )
        select avg(is_alarm::int) filter (where episode_kind is not null),
               avg(is_alarm::int) filter (where episode_kind is null)
        from reports left join truth
            on lower(truth.client) = reports.client and truth.sample_number = reports.sampleNumber
        """,
        [gold(lake, "cda", "classified_reports"), gold(lake, "emin", "classified_reports"),
         str(lake.lake / "synth_truth.parquet")],
    ).fetchall()  # fmt: skip
    assert recall > 2 * others
    assert recall > 0.7


def test_status_ranks_machines_with_a_reason_each(lake: Settings, tribolake):
    ended = tribolake("status", "--lake", str(lake.lake), "--json")
    machines = json.loads(ended.stdout)["machines"]
    assert len(machines) == 18
    ranks = [machine["priority_score"] for machine in machines]
    assert ranks == sorted(ranks, reverse=True)
    assert all(machine["why"] for machine in machines if machine["machine_score"] > 0)
    assert "look at the first machine first" in tribolake("status", "--lake", str(lake.lake)).stdout


def test_run_without_news_starts_no_dbt_and_changes_no_byte(lake: Settings, tribolake):
    before = tree(lake.lake / "oil-analysis")
    ended = tribolake("run", "--lake", str(lake.lake), "--json", PYTHONPROFILEIMPORTTIME="1")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["nothing_new"] is True
    assert "dbt.cli.main" not in ended.stderr
    assert " pandas" not in ended.stderr
    assert tree(lake.lake / "oil-analysis") == before


def test_bad_and_repeated_files_leave_the_rest_published(lake: Settings, tmp_path: Path, tribolake, tribolake_here):
    copy = tmp_path / "lake"
    shutil.copytree(lake.lake, copy, symlinks=True)
    bronze = copy / "oil-analysis" / "bronze"
    (workbook, *_) = sorted((bronze / "cda").rglob("*.xlsx"))
    folder = bronze / "cda" / "2026-02-28"
    folder.mkdir()
    (folder / "cut.xlsx").write_bytes(workbook.read_bytes()[:20_000])
    shutil.copyfile(workbook, folder / "same content.xlsx")
    (bronze / "nobody").mkdir()
    shutil.copyfile(workbook, bronze / "nobody" / "T-1.xlsx")

    ended = tribolake_here("run", "--lake", str(copy), "--json")
    assert ended.exit_code == 4, ended.output
    report = json.loads(ended.stdout)
    assert report["clients"]["cda"]["arrivals"] == 2
    assert report["clients"]["cda"]["rows_read"] == 0  # the only whole file is loaded already
    assert report["clients"]["cda"]["published"]
    assert report["clients"]["emin"]["published"]
    problems = {failed["file"].rsplit("/", 1)[1]: failed["problem"] for failed in report["failed_files"]}
    assert "cut short" in problems["cut.xlsx"]
    assert "seeds/oil/clients.csv" in problems["T-1.xlsx"]

    status = json.loads(tribolake("status", "--lake", str(copy), "--json").stdout)
    assert {failed["file"].rsplit("/", 1)[1] for failed in status["failed_files"]} == {"cut.xlsx", "T-1.xlsx"}
    again = tribolake("run", "--lake", str(copy), "--json")
    assert (again.returncode, json.loads(again.stdout)["nothing_new"]) == (0, True)


@pytest.mark.slow
def test_failed_data_test_keeps_only_its_client_unpublished(lake: Settings, tmp_path: Path, tribolake):
    copy = tmp_path / "lake"
    shutil.copytree(lake.lake, copy, symlinks=True)
    before = tree(copy / "oil-analysis" / "gold" / "emin")
    with duckdb.connect(copy / "_state" / "warehouse.duckdb") as warehouse:
        ((sample,),) = warehouse.execute(EMIN_SAMPLE).fetchall()
        warehouse.execute(OFFENCES.format(sample=sample))
    (workbook, *_) = sorted((copy / "oil-analysis" / "bronze" / "cda").rglob("*.xlsx"))
    workbook.touch()
    workbook.write_bytes(workbook.read_bytes() + b"\0")

    ended = tribolake("run", "--lake", str(copy), "--json")
    assert ended.returncode == 4, ended.stderr
    report = json.loads(ended.stdout)
    assert report["clients"]["cda"]["published"]
    assert not report["clients"]["emin"]["published"]
    assert "failed" in report["clients"]["emin"]["problem"]
    assert tree(copy / "oil-analysis" / "gold" / "emin") == before
    failed = dict(test.split(": ", 1) for test in report["failed_tests"])
    assert set(failed) >= OFFENDED
    assert (
        f"1 offending rows; client EMIN, laboratory als, sampleNumber {sample}, sampleOccurrence , policy null. "
        "All of them: cd " in (failed["not_null_judged_reports_policy"])
    )
    # The command that a message ends with lists the rows, from wherever it is copied to.
    for test in ("reports_have_a_known_status", "reports_are_one_per_laboratory_number"):
        line = failed[test][failed[test].index("cd ") :]
        shown = subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, text=True, check=True)
        assert ("Kaputt" if "status" in test else sample) in shown.stdout


@pytest.mark.slow
def test_altered_gold_is_published_again_and_reported(lake: Settings, tmp_path: Path, tribolake):
    copy = tmp_path / "lake"
    shutil.copytree(lake.lake, copy, symlinks=True)
    gold = copy / "oil-analysis" / "gold"
    before = tree(gold)
    for path in (gold / "cda" / "classified_reports.parquet", gold / "emin" / "_manifest.json"):
        path.chmod(0o644)
        path.write_bytes(b"{")
    found = tribolake("verify", "--lake", str(copy), "--json")
    assert found.returncode == 4
    assert {one["file"].rpartition("/gold/")[2] for one in json.loads(found.stdout)["differences"]} >= {
        "cda/classified_reports.parquet",
        "emin/_manifest.json",
    }

    ended = tribolake("run", "--lake", str(copy))
    assert ended.returncode == 4, ended.stderr
    assert "why: published files are missing, altered or of an earlier run" in ended.stdout
    assert "altered oil-analysis/gold/cda/classified_reports.parquet: another program wrote over it" in ended.stdout
    assert "altered oil-analysis/gold/emin/_manifest.json: another program wrote over it" in ended.stdout
    after = tree(gold)
    parquet = [name for name in before if name.count("/") == 1 and name.endswith(".parquet")]
    assert {name: after[name] for name in parquet} == {name: before[name] for name in parquet}
    assert tribolake("verify", "--lake", str(copy)).returncode == 0
    assert "Nothing new" in tribolake("run", "--lake", str(copy)).stdout


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_backup_of_gold_beside_a_newer_warehouse_is_published_over(settings: Settings, tmp_path: Path):
    write_sample_lake(settings.lake, finning_units=1, als_units=1, months=2, dirty=False)
    (workbook,) = (settings.lake / "oil-analysis" / "bronze" / "cda").rglob("*.xlsx")
    run(OIL, settings)
    backup = shutil.copytree(settings.lake, tmp_path / "backup", symlinks=True)
    workbook.unlink()
    write_sample_lake(settings.lake, finning_units=2, als_units=1, months=3, dirty=False)
    assert run(OIL, settings).clients["cda"].changed
    newer = tree(settings.lake / "oil-analysis" / "gold" / "cda")
    for name in ("gold", "lineage", "silver"):
        shutil.rmtree(settings.lake / "oil-analysis" / name)
        shutil.copytree(backup / "oil-analysis" / name, settings.lake / "oil-analysis" / name, symlinks=True)
    health = lake_status(settings, None).health or {}
    assert (health["code"], "somebody put back" in health["words"]) == (1, True)
    report = run(OIL, settings)
    assert "published files are missing, altered or of an earlier run" in report.reasons
    assert (lake_status(settings, None).health or {})["code"] == 0
    after = tree(settings.lake / "oil-analysis" / "gold" / "cda")
    parquet = [name for name in newer if name.count("/") == 0 and name.endswith(".parquet")]
    assert parquet and {name: after[name] for name in parquet} == {name: newer[name] for name in parquet}
    assert run(OIL, settings).nothing_new


def test_lake_without_links_is_refused_before_anything_is_built(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    write_sample_lake(settings.lake, finning_units=1, als_units=1, months=2)
    with monkeypatch.context() as mount, pytest.raises(RunFailed, match="is published by a symbolic link"):
        mount.setattr(os, "symlink", refuse)
        run(OIL, settings)
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        assert not relation_exists(warehouse, OIL.warehouse.arrivals)


def test_any_failure_while_publishing_holds_back_one_client(tmp_path: Path):
    class Failing(FolderShelf):
        def switch(self, places: Places, version: Version) -> None:
            if places.client == "cda":
                raise KeyError("unforeseen")
            super().switch(places, version)

    now = datetime.now(UTC)
    request = RunRequest("run-1", "default", None, False, False, now, "es")
    fingerprints = Fingerprints.of(OIL)
    plan = Plan(request, None, Listing([]), [], ("first run",), False, False, True, now, fingerprints)
    report = RunReport("run-1", "default", "es")
    report.clients = {client: ClientReport(samples=1) for client in ("cda", "emin")}
    with small_warehouse(1) as connection:
        connection.execute(control_tables())
        for table in PUBLISHED:
            connection.execute(f"insert into {table} select * replace ('EMIN' as client) from {table}")
        shelf = Failing(tmp_path, tmp_path / "oil-analysis")
        columns = {table.model: [] for table in OIL.contract.tables}
        publish(connection, OIL, plan, shelf, report, columns, {"cda", "emin"}, lambda _: None)
    assert not report.clients["cda"].published
    assert report.problems == {
        "cda": "publishing broke off (KeyError: 'unforeseen'). Its published files stay. The next run tries again"
    }
    assert report.clients["emin"].published
    assert read_manifest(tmp_path, "emin")["run_id"] == "run-1"


def test_second_run_on_a_locked_lake_is_refused(lake: Settings, tribolake):
    from filelock import FileLock  # noqa: PLC0415

    with FileLock(lake.state / "run.lock"):
        ended = tribolake("run", "--lake", str(lake.lake))
    assert ended.returncode == 3
    assert "another run holds" in ended.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "--policy", "strict"), "choose one of"),
        (("run", "--client", "nobody"), "seeds/oil/clients.csv"),
        (("run", "--lake", "s3://bucket"), "no AWS credentials"),
        (("synth", "--months", "0"), "months"),
        (("status", "--lake", "/nonexistent"), "tribolake run"),
    ],
)
def test_bad_usage_ends_with_2_and_advice(tribolake, tmp_path, words, message):
    (tmp_path / "oil-analysis" / "bronze").mkdir(parents=True)
    lake = () if "--lake" in words else ("--lake", str(tmp_path))
    ended = tribolake(*words, *lake)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr


@pytest.mark.parametrize("command", ["run", "watch"])
def test_mistyped_lake_is_refused_and_not_made(tribolake, tmp_path, command):
    ended = tribolake(command, "--lake", str(tmp_path / "laek"))
    assert (ended.returncode, "--init" in ended.stderr, list(tmp_path.iterdir())) == (2, True, [])


def test_new_lake_begins_with_init(tribolake, tmp_path):
    ended = tribolake("run", "--lake", str(tmp_path / "lake"), "--init", "--policy", "strict")
    assert "choose one of" in ended.stderr
    assert (tmp_path / "lake" / "oil-analysis" / "bronze").is_dir()
