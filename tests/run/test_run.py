"""A run from laboratory files to published gold, as its users meet it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
from tests.conftest import read_manifest

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

# An offence of each kind, in rows of emin that a run which reads a file of cda does not touch.
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
def lake(tmp_path_factory: pytest.TempPathFactory) -> Settings:
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
    """Every published file below a folder with its SHA-256."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_row_that_was_read_is_loaded_superseded_or_rejected(lake: Settings):
    ((arrivals, read, loaded, superseded, rejected, broken),) = query(lake, CONSERVATION)
    assert broken == 0
    assert arrivals == 4
    assert read == loaded + superseded + rejected
    assert superseded == 2  # one retest in each laboratory's files
    assert rejected > 0


def test_rejected_rows_keep_their_cells_and_say_why(lake: Settings):
    reasons = {reason.split(":")[0] for (reason,) in query(lake, "select reason from silver.rejected_rows")}
    assert {"no sample date", "sample date in the future"} <= reasons
    assert query(lake, "select count(*) from silver.rejected_rows where cardinality(raw_cells) < 10") == [(0,)]


def test_essays_beyond_the_metals_reach_results_with_unit_and_censoring(lake: Settings):
    essays = {essay for (essay,) in query(lake, "select distinct essay from silver.results")}
    assert {"Viscosidad 100°C", "Índice PQ", "TBN", "Agua", "Hollín", "Código ISO", "ISO 4µ", "Glicol", "pH"} <= essays
    assert query(lake, "select count(*) from silver.results where unit is null") == [(0,)]
    censored = query(
        lake, "select distinct raw_text, censoring, detection_limit, calculation_value from silver.results"
        " where raw_text = '<0,05'"
    )  # fmt: skip
    assert censored == [("<0,05", "<", 0.05, 0.0)]


def test_values_that_are_no_numbers_are_kept_with_a_reason(lake: Settings):
    rejected = dict(query(lake, "select distinct raw_text, rejection from silver.results where rejection is not null"))
    assert rejected["5-10"] == "not a number"
    assert rejected["-5"].startswith("below the smallest possible value")


def test_every_sample_is_published_with_the_file_and_row_it_came_from(lake: Settings):
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


def test_limits_are_published_under_the_version_that_reports_name(lake: Settings):
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
    """Of the samples in an episode of known truth far more are alarms than of the others."""
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


def test_status_ranks_the_machines_and_says_why(lake: Settings, tribolake):
    ended = tribolake("status", "--lake", str(lake.lake), "--json")
    machines = json.loads(ended.stdout)["machines"]
    assert len(machines) == 18
    ranks = [machine["priority_score"] for machine in machines]
    assert ranks == sorted(ranks, reverse=True)
    assert all(machine["why"] for machine in machines if machine["machine_score"] > 0)
    assert "look at the first machine first" in tribolake("status", "--lake", str(lake.lake)).stdout


def test_given_nothing_new_then_no_published_byte_changes_and_dbt_is_not_started(lake: Settings, tribolake):
    before = tree(lake.lake / "oil-analysis")
    ended = tribolake("run", "--lake", str(lake.lake), "--json", PYTHONPROFILEIMPORTTIME="1")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["nothing_new"] is True
    assert "dbt.cli.main" not in ended.stderr
    assert tree(lake.lake / "oil-analysis") == before


def test_given_bad_and_repeated_files_then_the_rest_is_published_and_the_exit_code_says_look(
    lake: Settings, tmp_path: Path, tribolake
):
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

    ended = tribolake("run", "--lake", str(copy), "--json")
    assert ended.returncode == 4, ended.stderr
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


def test_given_a_client_whose_data_fail_a_test_then_only_that_client_is_held_back(
    lake: Settings, tmp_path: Path, tribolake
):
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
        f"1 offending rows; client EMIN, laboratory als, sampleNumber {sample}, policy null. All of them: cd "
        in (failed["not_null_judged_reports_policy"])
    )
    # The command that a message ends with lists the rows, from wherever it is copied to.
    for test in ("reports_have_a_known_status", "reports_are_one_per_laboratory_number"):
        line = failed[test][failed[test].index("cd ") :]
        shown = subprocess.run(["sh", "-c", line], cwd="/", capture_output=True, text=True, check=True)
        assert ("Kaputt" if "status" in test else sample) in shown.stdout


def test_given_a_run_under_way_then_a_second_one_refuses(lake: Settings, tribolake):
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
def test_given_bad_usage_then_exit_2_and_the_message_says_what_to_do(tribolake, tmp_path, words, message):
    lake = () if "--lake" in words else ("--lake", str(tmp_path))
    ended = tribolake(*words, *lake)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
