"""A warehouse that cannot be used is named with what to do. The order of runs is not a matter of clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tribolake.cli.options import explain
from tribolake.errors import DAMAGED, LakeIsBusy, RunFailed, with_advice
from tribolake.run import warehouse as module
from tribolake.run.control_tables import control_tables
from tribolake.run.run_records import last_run
from tribolake.run.warehouse import open_for_a_run, open_warehouse

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", lambda call, *args, **named: call(*args, **named))


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that has a warehouse open for writing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "w.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("read_only", [True, False])
def test_warehouse_that_a_program_holds_is_busy(tmp_path: Path, holder: subprocess.Popen[str], read_only: bool):
    with pytest.raises(LakeIsBusy, match=f"held by process {holder.pid}") as caught:
        open_warehouse(tmp_path / "w.duckdb", read_only=read_only).__enter__()
    assert "away" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no warehouse", b"\0" * 20_000])
def test_damaged_warehouse_is_named_with_what_to_do(tmp_path: Path, content: bytes):
    (tmp_path / "w.duckdb").write_bytes(content)
    with pytest.raises(RunFailed, match=r"cannot be opened .*Move the warehouse away"):
        open_warehouse(tmp_path / "w.duckdb").__enter__()


def test_pipe_in_place_of_a_warehouse_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "warehouse.duckdb")
    with (
        pytest.raises(RunFailed, match=r"is no regular file\. Move the warehouse away"),
        open_warehouse(tmp_path / "warehouse.duckdb"),
    ):
        pass


def test_damage_found_after_opening_has_the_same_advice():
    error = duckdb.IOException(
        'Corrupt database file: computed checksum 1 does not match stored checksum 2 in block 3"'
    )
    assert "Move the warehouse away" in explain(error)
    once = RunFailed(f"the warehouse w.duckdb cannot be opened ({error}). {DAMAGED}")
    assert explain(once) == str(once)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RunFailed("x failed: could not write: No space left on device")]
)
def test_full_disk_is_named(error: Exception):
    assert "Free some space" in explain(error)


def test_failing_disk_is_named_by_the_line_that_says_so():
    error = duckdb.IOException(
        "Could not read a.parquet: Input/output error\n\nLINE 3: from read_parquet($path)\n    ^"
    )
    assert explain(error).startswith("Could not read a.parquet: Input/output error: the disk fails. Look")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (PermissionError(13, "Permission denied", "/lake/run.lock"), "Commands that only show need to read the lake"),
        (OSError(30, "Read-only file system", "/lake/run.lock"), "It was mounted so"),
    ],
)
def test_lake_that_may_not_be_written_is_told_with_advice(error: Exception, advice: str):
    assert advice in explain(error)
    assert with_advice(explain(error)) == explain(error)


def test_unforeseen_error_is_one_sentence():
    assert explain(ValueError("year 10000 is out of range\nmore")) == (
        "ValueError: year 10000 is out of range. This is a fault of tribolake: TRIBOLAKE_DEBUG=1 shows where"
    )


def test_warehouse_of_a_later_release_is_refused(tmp_path: Path):
    with duckdb.connect(tmp_path / "w.duckdb") as later:
        later.execute(control_tables())
        later.execute("create table history.layout_3 (made_at timestamptz)")
    with pytest.raises(RunFailed, match="later release"):
        open_for_a_run(tmp_path / "w.duckdb").__enter__()
    assert (tmp_path / "w.duckdb").exists()


def test_run_recorded_last_is_the_last_one_whatever_its_clock(tmp_path: Path):
    now = datetime.now(UTC)
    prints = json.dumps({"project": "p", "seeds": "s", "readers": "r", "of a later release": "x"})
    with open_for_a_run(tmp_path / "w.duckdb") as warehouse:
        warehouse.execute(control_tables())
        for run_id, at in (("ahead", now + timedelta(days=1500)), ("right", now)):
            warehouse.execute(
                "insert into control.runs by name select ? as run_id, ?::timestamptz as finished_at, ? as fingerprints,"
                " 'default' as policy, '{}' as report",
                [run_id, at, prints],
            )
        found = last_run(warehouse)
    assert found is not None
    assert (found.run_id, found.fingerprints.readers) == ("right", "r")
