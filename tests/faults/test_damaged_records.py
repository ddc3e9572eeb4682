"""A damaged record of the lake is set aside and told. It stops no client."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tribolake.lake.objects import FolderObjects
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.control_tables import control_tables
from tribolake.run.first_listings import FOLDER, keep_first_listings, learn_first_listings
from tribolake.run.history import restore_history
from tribolake.settings import Settings

KEY = "oil-analysis/bronze/cda/T-09.xlsx"
SOUND = f'[["{KEY}", "5e7", "2026-02-01T08:00:00+00:00", "2026-01-31T08:00:00+00:00"]]'
DAMAGED = {
    "cut": SOUND[:-9],
    "zeros": "\0" * 64,
    "an object": '{"a": 1}',
    "a number": "5",
    "null": "null",
    "no time": SOUND.replace("2026-02-01T08:00:00+00:00", "yesterday"),
    "no text": SOUND.replace('"2026-02-01T08:00:00+00:00"', "7"),
    "too few": '[["a", "b"]]',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_first_listings_leave_the_others(content: str, tmp_path: Path):
    lake = FolderObjects(tmp_path, "oil-analysis")
    lake.put(f"oil-analysis/{FOLDER}/run-1.json", content.encode())
    lake.put(f"oil-analysis/{FOLDER}/run-2.json", SOUND.encode())
    with duckdb.connect() as warehouse:
        warehouse.execute(control_tables())
        (problem,) = learn_first_listings(warehouse, OIL, [lake], "run-3", has_arrivals=False)
        known = warehouse.execute("select file_key, listed_at from control.first_listings").fetchall()
    assert problem.startswith(f"{tmp_path}/oil-analysis/{FOLDER}/run-1.json is damaged")
    assert "restore it from a backup" in problem
    assert [(key, at.astimezone(UTC)) for key, at in known] == [(KEY, datetime(2026, 2, 1, 8, tzinfo=UTC))]


def test_first_listings_without_a_zone_do_not_stop_the_others(tmp_path: Path):
    lake = FolderObjects(tmp_path, "oil-analysis")
    lake.put(f"oil-analysis/{FOLDER}/run-1.json", SOUND.replace("+00:00", "").replace("T-09", "T-10").encode())
    lake.put(f"oil-analysis/{FOLDER}/run-2.json", SOUND.encode())
    with duckdb.connect() as warehouse:
        warehouse.execute(control_tables())
        assert learn_first_listings(warehouse, OIL, [lake], "run-3", has_arrivals=False) == []
        assert warehouse.execute("select count(*) from control.first_listings").fetchone() == (2,)


def test_file_that_is_no_history_is_named_and_left_out(settings: Settings):
    folder = settings.lake / "oil-analysis" / "lineage" / "_history" / "cda" / "report_status_history"
    folder.mkdir(parents=True)
    settings.state.mkdir(parents=True)
    duckdb.execute(f"copy (select 1 as a) to '{folder / 'x.parquet'}' (format parquet)")
    os.mkfifo(folder / "pipe.parquet")
    (problem,) = restore_history(OIL, settings)
    assert "x.parquet cannot be read" in problem and "put it back from a backup" in problem


def test_what_a_killed_writer_left_is_removed_after_a_day(tmp_path: Path):
    lake = FolderObjects(tmp_path, "oil-analysis")
    lake.put(f"oil-analysis/{FOLDER}/run-1.json", SOUND.encode())
    old, young = (tmp_path / "oil-analysis" / FOLDER / name for name in (".0a.partial", ".0b.partial"))
    for path in (old, young):
        path.write_bytes(b"[")
    os.utime(old, (1e9, 1e9))
    with duckdb.connect() as warehouse:
        warehouse.execute(control_tables())
        warehouse.execute(
            "create schema bronze; create table bronze.bronze_arrivals as select 'k' as file_key, 's' as sha256,"
            " 'loaded' as status, now() as arrived_at, now() as modified_at"
        )
        keep_first_listings(warehouse, OIL, [lake], "run-2")
    assert (old.exists(), young.exists()) == (False, True)
    assert (tmp_path / "oil-analysis" / FOLDER / "run-2.json").exists()


@pytest.mark.slow
def test_run_with_damaged_first_listings_publishes_and_tells(settings: Settings, tribolake):
    write_sample_lake(settings.lake, finning_units=1, als_units=1, months=2, dirty=False)
    flags = ("--lake", str(settings.lake))
    assert tribolake("run", *flags).returncode == 0
    (record,) = (settings.lake / "oil-analysis" / FOLDER).iterdir()
    record.write_text(SOUND[:-9])
    settings.warehouse.unlink()

    ended = tribolake("run", *flags)
    assert ended.returncode == 4, ended.stderr
    assert f"{record} is damaged" in ended.stdout
    assert "held back" not in ended.stdout
    assert "gold/cda" in ended.stdout and "gold/emin" in ended.stdout
    assert tribolake("status", "--check", *flags).returncode == 4
    ended = tribolake("run", *flags)
    assert (ended.returncode, "Nothing new" in ended.stdout) == (0, True), ended.stdout
