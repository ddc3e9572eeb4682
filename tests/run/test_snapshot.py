"""A copy of the warehouse for other programs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tribolake.errors import ConfigurationError
from tribolake.run.snapshot import write_snapshot
from tribolake.settings import Settings


def test_snapshot_is_whole_read_only_and_replaced(settings: Settings, tmp_path: Path):
    settings.state.mkdir(parents=True)
    for number in (1, 2):
        with duckdb.connect(settings.warehouse) as warehouse:
            warehouse.execute("create or replace table t as select ? as n", [number])
            warehouse.execute("create or replace view v as from warehouse.main.t")
        copy = write_snapshot(settings, tmp_path / "copies")
        assert copy.stat().st_mode & 0o222 == 0
        with duckdb.connect(copy, read_only=True) as opened:
            assert opened.execute("select n from v").fetchall() == [(number,)]
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["warehouse.duckdb"]


def test_snapshot_never_replaces_the_warehouse(settings: Settings):
    with pytest.raises(ConfigurationError, match="no warehouse yet"):
        write_snapshot(settings, settings.lake)
    settings.state.mkdir(parents=True, exist_ok=True)
    duckdb.connect(settings.warehouse).close()
    with pytest.raises(ConfigurationError, match="give another folder"):
        write_snapshot(settings, settings.state)
