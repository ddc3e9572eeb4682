"""Kill runs on S3 between two calls. The next machine with an empty disk recovers."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lake.test_lake_homes import als_row
from tests.support.lake_homes import PRODUCT, InBucket, InFolder, everything_published, fill, gold_of, logged
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.server import S3Server

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run

pytestmark = [pytest.mark.slow, pytest.mark.thorough, pytest.mark.usefixtures("parsed_project")]
KILLS = 12
LEASE_SECONDS = 2
# About the number of calls of a run with one new file. The run is killed before one of them.
CALLS_OF_A_RUN = 60
LONGEST_SECONDS = 120


def killed_after(proxy: FaultyServer, bucket: str, state: Path, calls: int) -> bool:
    """Start a run as a user does, and kill it after so many calls. Returns False if it ended before."""
    proxy.forget()
    process = subprocess.Popen(
        [sys.executable, "-m", "tribolake", "run", "--lake", f"s3://{bucket}"],
        env=os.environ
        | proxy.server.environment
        | {"TRIBOLAKE_STATE_DIR": str(state), "TRIBOLAKE_LEASE_SECONDS": str(LEASE_SECONDS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + LONGEST_SECONDS
    while process.poll() is None and len(proxy.passed) < calls and time.monotonic() < deadline:
        time.sleep(0.001)
    was_running = process.poll() is None
    if was_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_running


def test_machine_after_killed_runs_ends_as_without_kills(
    moto: S3Server,
    faulty: Callable[[S3Server], FaultyServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    sample_lake = tmp_path / "sample"
    write_sample_lake(sample_lake, finning_units=1, als_units=3, months=8, dirty=False)
    proxy, dice = faulty(moto), random.Random(4)  # noqa: S311 - which call comes last, not a secret
    home = InBucket(moto, new_buckets(moto).lake, tmp_path / "disks", {"lease_seconds": LEASE_SECONDS})
    folder = InFolder(tmp_path / "lake")
    for each in (home, folder):
        fill(each, sample_lake)
        run(OIL, each.settings())
    killed = 0
    for turn in range(KILLS):
        for each in (home, folder):
            each.put(f"{PRODUCT}/bronze/emin/2026-03-01/{turn}.parquet", als_row(sample_lake, f"ROW-{turn}"))
        calls = 3 + (turn * CALLS_OF_A_RUN) // KILLS + dice.randrange(6)
        killed += killed_after(proxy, home.bucket, tmp_path / "disks" / f"killed-{turn}", calls)
        gold_of(home, "emin")
        time.sleep(LEASE_SECONDS + 3)  # the dead run's lease expires, by a clock of whole seconds
        run(OIL, home.settings(f"next-{turn}"))
        run(OIL, folder.settings())
        gold_of(home, "emin")
    assert killed >= KILLS - 3
    clean = everything_published(folder)
    for name, rows in everything_published(home).items():
        assert rows.equals(clean[name]), name

    def lines(each: InBucket | InFolder) -> list[tuple[object, ...]]:
        found = logged(each)
        assert len({(line["run_id"], line["client"], line["entity"]) for line in found}) == len(found)
        return sorted((line["client"], line["entity"], line["old_count"], line["new_count"]) for line in found)

    assert lines(home) == lines(folder)
