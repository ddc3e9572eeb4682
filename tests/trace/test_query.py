"""SQL over a lake in a folder and on S3: queries read published files only, and write nothing."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import duckdb
import pytest
from tests.support.lake_homes import PRODUCT, InBucket, everything_published, manifest_of
from tests.support.published_lakes import PublishedLake
from tests.support.servers.server import client as s3_client
from tests.support.small_warehouse import publish, warehouse

from tribolake.cli.query import _print_csv
from tribolake.errors import ConfigurationError
from tribolake.lake.confined_duckdb import confine
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings
from tribolake.sql import literal
from tribolake.trace.query import Answer, QueryFailed, check_reads_only, query
from tribolake.trace.read_only_duckdb import open_to_read


def test_views_have_the_published_rows_of_all_clients(new_lake: PublishedLake):
    published = everything_published(new_lake.home)
    for view in ("classified_reports", "machine_status_current", "stewart_limits", "harmonized"):
        rows = query(OIL, new_lake.settings, f"select client, count(*) from {view} group by all order by all").rows
        assert rows == [(name.upper(), len(published[f"{name}/{view}"])) for name in ("cda", "emin")]
    only = query(OIL, new_lake.settings, "select distinct client from classified_reports", clients=["EMIN"]).rows
    assert only == [("EMIN",)]


def test_bronze_views_name_the_file_of_each_row(new_lake: PublishedLake):
    (row,) = query(OIL, new_lake.settings, "select count(*), any_value(filename) from bronze_emin").rows
    assert row[0] >= len(everything_published(new_lake.home)["emin/harmonized"])
    assert f"{PRODUCT}/bronze/emin/" in row[1]
    with pytest.raises(QueryFailed, match="bronze_cda"):
        query(OIL, new_lake.settings, "from bronze_cda")  # workbooks have no view


@pytest.mark.parametrize("name", ["a[1].parquet", "a*.parquet", "a?.parquet", "[*?].parquet"])
def test_name_of_a_file_is_no_pattern(tmp_path: Path, name: str):
    """DuckDB read `a1.parquet` for `a[1].parquet`."""
    settings = load_settings(lake=tmp_path / "lake")
    publish(warehouse(1, rows=5), settings.lake, "run-1")
    folder = settings.lake / PRODUCT / "bronze" / "cda" / "2026-01-31"
    folder.mkdir(parents=True)
    for file in {name, "a1.parquet", "ab.parquet"}:
        duckdb.execute(f"copy (select {literal(file)} as named) to {literal(str(folder / file))} (format parquet)")
    found = query(OIL, settings, "select named from bronze_cda order by 1").rows
    assert found == sorted((file,) for file in {name, "a1.parquet", "ab.parquet"})


@pytest.mark.parametrize("sql", [f"select {'+'.join('1' * 900)}", f"select {'+'.join('1' * 30_000)}"])
def test_deep_statement_is_refused(sql):
    with pytest.raises(QueryFailed, match=r"too deep|depth limit"):
        check_reads_only(sql)


def test_answer_with_more_rows_than_the_limit_is_cut(new_lake: PublishedLake):
    answer = query(OIL, new_lake.settings, "from classified_reports", limit=3)
    assert (len(answer.rows), answer.is_cut) == (3, True)
    assert not query(OIL, new_lake.settings, "select 1", limit=1).is_cut


@pytest.mark.slow
def test_bronze_views_leave_out_files_that_failed(settings: Settings, tribolake):
    made = write_sample_lake(settings.lake, finning_units=1, als_units=1, months=3, dirty=False)
    (sound,) = [path for path in made.files if path.suffix == ".parquet"]
    damaged = sound.with_name("damaged.parquet")
    damaged.write_bytes(sound.read_bytes()[:-50])
    assert len(run(OIL, settings).failed_files) == 1
    answer = query(OIL, settings, "select count(distinct filename) from bronze_emin")
    assert (answer.rows, answer.left_out) == ([(1,)], (damaged.relative_to(settings.lake).as_posix(),))
    told = tribolake("query", "select count(*) from bronze_emin", "--lake", str(settings.lake))
    assert told.returncode == 0
    assert "without oil-analysis/bronze/emin/" in told.stderr and "damaged.parquet" in told.stderr


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '/tmp/x.csv'",
        "create table t as select 1",
        "insert into classified_reports select * from classified_reports",
        "attach '/tmp/x.duckdb'",
        "install httpfs",
        "set threads = 1",
        "pragma enable_profiling",
        "pragma import_database('/tmp')",
        "call enable_logging()",
        "select 1; select 2",
        "",
        "from read_text('/etc/hostname')",
        "from read_parquet('s3://elsewhere/x.parquet')",
        "from glob('/*')",
        "select * from enable_logging('QueryLog', storage := 'file', storage_path := '/tmp/x')",
        "from query('from read_text(''/etc/hostname'')')",
        "select (select any_value(content) from read_text('/etc/hostname'))",
        "with secrets as (from duckdb_secrets()) from secrets",
    ],
)
def test_sql_that_does_more_than_read_the_views_is_refused(new_lake: PublishedLake, sql: str):
    with pytest.raises(ConfigurationError):
        query(OIL, new_lake.settings, sql)


def test_confined_database_reads_no_other_file(new_lake: PublishedLake, tmp_path: Path):
    """This holds even if a statement passes the check of its text."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    gold = f"{PRODUCT}/gold/cda/{manifest_of(new_lake.home, 'cda')['folder']}"
    top = f"s3://{new_lake.home.bucket}" if isinstance(new_lake.home, InBucket) else str(new_lake.settings.lake)
    allowed, other = f"{top}/{gold}/stewart_limits.parquet", f"{top}/{gold}/classified_reports.parquet"
    others = [str(secret), other, f"{allowed}/../classified_reports.parquet", f"{top}/{PRODUCT}/gold/*/*.parquet"]
    with open_to_read(new_lake.settings) as connection:
        confine(connection, [allowed])
        assert connection.execute(f"select count(*) from '{allowed}'").fetchone()
        for path in others:
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"from read_blob('{path}')").fetchall()
        for statement in (
            f"copy (select 1) to '{tmp_path / 'out.csv'}'",
            f"attach '{tmp_path / 'out.duckdb'}'",
            "set enable_external_access = true",
            "set allowed_paths = []",
            "create persistent secret x (type s3, key_id 'a', secret 'b')",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.txt"]


def test_credentials_are_not_in_settings_secrets_or_errors(new_lake: PublishedLake):
    if not isinstance(new_lake.home, InBucket):
        pytest.skip("a folder needs none")
    secret = new_lake.home.server.secret_key
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == secret
    with open_to_read(new_lake.settings) as connection:
        confine(connection, [])
        shown = connection.execute("from duckdb_settings()").fetchall()
        shown += connection.execute("from duckdb_secrets()").fetchall()
    assert secret not in str(shown)
    with pytest.raises(QueryFailed) as failed:
        query(OIL, new_lake.settings, "select nosuch from classified_reports")
    assert secret not in str(failed.value)


def test_missing_credentials_error_says_what_to_set(new_lake: PublishedLake, monkeypatch, tmp_path: Path):
    if not new_lake.is_on_s3:
        pytest.skip("a folder needs none")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match="no AWS credentials"):
        open_to_read(new_lake.settings)


def test_query_of_an_empty_lake_says_what_to_do(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="tribolake run"):
        query(OIL, load_settings(lake=tmp_path), "select 1")


def test_query_command_answers_as_json_csv_and_table(new_lake: PublishedLake, tribolake):
    sql = "select report_status, count(*) as n, 0.0 / 0.0 as nan from classified_reports group by all order by all"
    ended = tribolake("query", sql, *new_lake.flags, "--json", **new_lake.environment)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert {"report_status", "n", "nan"} == set(found["rows"][0])
    assert found["rows"][0]["nan"] is None
    as_csv = tribolake("query", sql, *new_lake.flags, "--csv", **new_lake.environment)
    assert [row["n"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == [str(row["n"]) for row in found["rows"]]
    shown = tribolake("query", "from classified_reports", "--limit", "2", *new_lake.flags, **new_lake.environment)
    assert "… and more" in shown.stdout
    wrong = tribolake("query", "drop view classified_reports", *new_lake.flags, **new_lake.environment)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    typo = tribolake("query", "select nosuch from harmonized", *new_lake.flags, **new_lake.environment)
    assert typo.returncode == 1
    assert "nosuch" in typo.stderr


def test_csv_for_excel_has_no_formula_and_says_utf_8(capsys):
    texts = ["=cmd|' /C calc'!A0", "+1", " \t-2", "@x", "＝1", "\u200b=1", "ñ", "a=1", ""]
    _print_csv(Answer(["=name"], [(text,) for text in texts] + [(-5.0,)], is_cut=False), for_excel=True)
    header, *rows = csv.reader(io.StringIO(capsys.readouterr().out.removeprefix("\ufeff")))
    assert header == ["'=name"]
    assert [row[0] for row in rows if row] == [*(f"'{text}" for text in texts[:6]), "ñ", "a=1", "", "-5.0"]


def test_query_of_a_bucket_writes_nothing(new_lake: PublishedLake):
    if not isinstance(new_lake.home, InBucket):
        pytest.skip("a folder has no requests")
    s3, bucket = s3_client(new_lake.home.server), new_lake.home.bucket
    before = s3.list_object_versions(Bucket=bucket)["Versions"]
    query(OIL, new_lake.settings, "select count(*) from classified_reports")
    assert s3.list_object_versions(Bucket=bucket)["Versions"] == before
