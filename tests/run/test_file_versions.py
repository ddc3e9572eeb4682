"""A file is read again if the store says that it changed, although its size and time are the same."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.support.lab_files import finning

from tribolake.lake.bronze import BronzeFile
from tribolake.lake.ledger import LEDGER_QUERY, Ledger
from tribolake.oil.product import OIL
from tribolake.run.control_tables import control_tables
from tribolake.run.file_versions import ask_for_changed_files, keep_versions
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

NOW = datetime(2026, 2, 1, tzinfo=UTC)
FILE = BronzeFile("cda", "oil-analysis/bronze/cda/T-09.xlsx", 7, NOW, None, "bucket:one")


@pytest.fixture
def warehouse():
    with duckdb.connect() as connection:
        connection.execute(control_tables())
        connection.execute("""
            create table arrivals (client varchar, file_key varchar, size_bytes bigint, modified_at timestamptz,
                sha256 varchar, is_transient boolean, status varchar, message varchar,
                arrived_at timestamptz)
        """)
        arrive(connection, NOW)
        yield connection


def arrive(warehouse, at: datetime) -> None:
    row = [FILE.client, FILE.key, FILE.size_bytes, FILE.modified_at, "sha", False, "loaded", None, at]
    warehouse.execute("insert into arrivals values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def ledger(warehouse) -> Ledger:
    return Ledger.of(warehouse.execute(LEDGER_QUERY.format(arrivals="arrivals", retries="control.retries")).fetchall())


def test_file_with_another_version_is_new_until_it_is_read(warehouse):
    keep_versions(warehouse, [FILE])
    changed = replace(FILE, version="bucket:two")
    assert not ask_for_changed_files(warehouse, [FILE], NOW + timedelta(hours=1))
    assert ask_for_changed_files(warehouse, [changed], NOW + timedelta(hours=1))
    asked = ledger(warehouse)
    assert (asked.files, asked.contents, asked.needs_whole_listing) == (frozenset(), {("cda", "sha")}, True)
    arrive(warehouse, NOW + timedelta(hours=2))
    keep_versions(warehouse, [changed])
    assert not ask_for_changed_files(warehouse, [changed], NOW + timedelta(hours=3))
    read = ledger(warehouse)
    assert (read.files, read.needs_whole_listing) == ({(FILE.key, 7, NOW)}, False)


def test_file_of_a_copied_lake_is_not_read_again(warehouse):
    keep_versions(warehouse, [FILE])
    assert not ask_for_changed_files(warehouse, [replace(FILE, version="4711:two")], NOW + timedelta(hours=1))


def test_file_of_an_earlier_release_is_not_read_again(warehouse):
    assert not ask_for_changed_files(warehouse, [FILE], NOW + timedelta(hours=1))
    assert ledger(warehouse).files == {(FILE.key, 7, NOW)}


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_content_of_equal_size_and_time_is_read(tmp_path: Path):
    path = tmp_path / "oil-analysis" / "bronze" / "cda" / "T-09.xlsx"
    path.parent.mkdir(parents=True)
    settings = load_settings(lake=tmp_path)
    workbooks = {iron: finning({"Fe": iron}) for iron in range(20, 90)}
    first = 20
    other = next(iron for iron in workbooks if iron != first and len(workbooks[iron]) == len(workbooks[first]))
    for iron in (first, other):
        path.write_bytes(workbooks[iron])
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        assert "1 new files" in run(OIL, settings).reasons
        assert run(OIL, settings).nothing_new
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        found = warehouse.execute("select value from silver.results where essay ilike 'hierro'").fetchall()
    assert found == [(other,)]
