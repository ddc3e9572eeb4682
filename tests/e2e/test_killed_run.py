"""A run that is killed at any moment costs nothing but time: the next one ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from tests.conftest import read_manifest

from tribolake.synth import write_sample_lake

TABLES = ("classified_reports", "machine_status_current", "stewart_limits")


def start(lake: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tribolake", "run", "--lake", str(lake), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def finish(lake: Path) -> dict:
    process = start(lake)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(out)


def gold(lake: Path, client: str, table: str) -> list[tuple]:
    """Published rows, without the columns that name the lake's own arrivals."""
    path = lake / "oil-analysis" / "gold" / client / f"{table}.parquet"
    return duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A lake whose run was left alone, and the seconds it took."""
    lake = sample_lake(tmp_path_factory.mktemp("clean"))
    began = time.perf_counter()
    finish(lake)
    return lake, time.perf_counter() - began


def sample_lake(folder: Path) -> Path:
    write_sample_lake(folder, finning_units=1, als_units=5, months=12)
    return folder


@pytest.mark.parametrize("moment", [0.4, 0.7, 0.95])
def test_given_a_kill_during_a_run_then_the_next_run_publishes_what_a_clean_one_does(
    clean: tuple[Path, float], tmp_path: Path, moment: float
):
    untouched, seconds = clean
    lake = sample_lake(tmp_path)
    process = start(lake)
    time.sleep(seconds * moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    report = finish(lake)

    assert report["nothing_new"] or report["clients"]["cda"]["published"]
    for client in ("cda", "emin"):
        for table in TABLES:
            assert gold(lake, client, table) == gold(untouched, client, table)
        files = read_manifest(lake, client)["files"]
        assert [file["rows"] for file in files] == [len(gold(lake, client, table)) for table in TABLES]
    assert not list((lake / "_state" / "staging").glob("*.parquet"))
