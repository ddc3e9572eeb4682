"""Test the status of a lake: what readers see, in one line for monitors and as metrics."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.small_warehouse import publish, warehouse

from tribolake.lake.files import remove
from tribolake.lake.replicas import open_objects
from tribolake.oil.health import judge
from tribolake.oil.metrics import metrics_of
from tribolake.oil.published_fleet import clients_to_show, read_fleet
from tribolake.oil.status import LakeStatus, lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import load_settings
from tribolake.trace.manifests import current_publication, is_put_back

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
WELL = {"begun_at": "2026-02-01T11:59:00+00:00", "ended_at": "2026-02-01T11:59:10+00:00", "exit_code": 0}
FAILED = WELL | {"exit_code": 1, "problem": "disk full: free some", "failing_since": "2026-01-30T08:00:00+00:00"}
HELD = [{"client": "cda", "since": "2026-01-29T10:00:00+00:00", "problem": "data test x failed"}]
KILLED = WELL | {"ended_at": None, "host": socket.gethostname(), "pid": 2**31 - 1}
DIED = {"state": "idle", "alive": False, "beat_at": "2026-02-01T09:00:00Z"}


def health(attempt: dict[str, Any], **said: Any) -> tuple[int, str]:
    nothing = {
        "held_back": [], "failed_files": [], "unread": {}, "watcher": None, "waiting": 0, "waiting_since": None,
        "stale_hours": 24,
    }  # fmt: skip
    found = judge(attempt, now=NOW, **nothing | said)
    return found.code, found.words


@pytest.mark.parametrize(
    ("attempt", "said", "code", "words"),
    [
        (WELL, {}, 0, "OK: 0 machines Anormal, 0 files wait"),
        (WELL, {"held_back": HELD}, 4, "cda held back since 2026-01-29T10:00: data test x failed"),
        (WELL, {"failed_files": [{"file": "a.xlsx"}]}, 4, "1 files cannot be read, such as a.xlsx"),
        (WELL | {"exit_code": 4}, {}, 4, "ended with 4"),
        (FAILED, {"held_back": HELD}, 1, "failed since 2026-01-30T08:00: disk full: free some; cda held back"),
        (KILLED, {}, 1, "the run of 2026-02-01T11:59 was killed: start `tribolake run`"),
        (WELL, {"unread": {"cda": "no such file"}}, 1, "readers of cda do not see what was published: no such file"),
        (WELL, {"watcher": DIED}, 1, "the watcher died"),
        (WELL, {"watcher": DIED | {"state": "stopped"}}, 0, "OK"),
    ],
)
def test_health_is_a_code_and_a_line(attempt: dict[str, Any], said: dict[str, Any], code: int, words: str):
    found = health(attempt, **said)
    assert (found[0], words in found[1], "\n" in found[1]) == (code, True, False), found


@pytest.mark.parametrize("removed", ["gold/cda/_current", "gold/cda/_manifest.json", "gold/cda", "gold"])
def test_gold_that_somebody_removed_is_told(tmp_path: Path, removed: str):
    with warehouse(1, rows=3) as connection:
        publish(connection, tmp_path, "run-1")
    home = tmp_path / "oil-analysis"
    (home / "gold" / "new_client" / "_versions").mkdir(parents=True)  # nothing of it was ever published
    remove(home / removed)
    objects = open_objects(load_settings(lake=tmp_path))
    clients = clients_to_show(objects, {"clients": {"cda": {"published": True}, "emin": {"published": False}}})
    assert [*read_fleet(objects, clients, NOW).unread] == ["cda"]


def test_earlier_publication_that_somebody_put_back_is_told(tmp_path: Path):
    lake, backup = tmp_path / "lake", tmp_path / "backup"
    for mark in (1, 2):
        with warehouse(mark, rows=3) as connection:
            publish(connection, lake, f"run-{mark}")
        if mark == 1:
            shutil.copytree(lake, backup, symlinks=True)
    for folder, is_earlier in ((lake, False), (backup, True)):
        objects = open_objects(load_settings(lake=folder))
        publication = current_publication(objects, "cda")
        assert publication
        assert is_put_back(objects, publication, "run-2") == is_earlier
        assert not is_put_back(objects, publication, "run-1")
        assert not is_put_back(objects, publication, None)


@pytest.mark.parametrize(("waits", "tried", "code"), [(25, 25, 1), (25, 1, 0), (1, 25, 0)])
def test_files_that_no_run_takes_are_stale(waits: int, tried: int, code: int):
    """A file may be older than its arrival, and a lake without news has no attempt for long."""
    attempt = WELL | {"begun_at": (NOW - timedelta(hours=tried)).isoformat()}
    assert health(attempt, waiting=1, waiting_since=NOW - timedelta(hours=waits))[0] == code


def test_metrics_escape_names_and_end_with_a_mark():
    nothing = {"unmapped_names": [], "waiting_files": ["a", "b"], "failed_files": [], "reports": [], "machines": []}
    status = LakeStatus(
        "lake", None, rejected=[{"client": 'a"\\\n', "rejected": 3}], watcher=None, calls={}, attempt=FAILED,
        health={"code": 1}, **nothing,
    )  # fmt: skip
    lines = metrics_of(status).splitlines()
    assert 'tribolake_rejected{client="a\\"\\\\\\n"} 3' in lines
    assert {"tribolake_waiting_files 2", "tribolake_health_code 1", "tribolake_attempt_exit_code 1"} <= set(lines)
    assert lines[-1] == "# EOF"
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


Tribolake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
def test_status_shows_what_readers_see_while_a_run_works(tmp_path: Path, tribolake: Tribolake):
    lake = tmp_path / "lake"
    write_sample_lake(lake, finning_units=1, als_units=3, months=12, dirty=False)
    assert tribolake("run", "--quiet", "--lake", str(lake)).returncode == 0
    before = lake_status(load_settings(lake=lake), None)
    assert [one["client"] for one in before.published] == ["cda", "emin"]
    assert before.attempt and before.attempt["exit_code"] == 0
    assert any(machine["why"] for machine in before.machines)
    with subprocess.Popen(
        [sys.executable, "-m", "tribolake", "run", "--full-refresh", "--lake", str(lake)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as run:
        assert run.stderr
        next(line for line in run.stderr if "every file is read again" in line)
        time.sleep(3)  # until dbt holds the warehouse
        os.kill(run.pid, signal.SIGSTOP)
        try:
            began = time.perf_counter()
            shown = json.loads(tribolake("status", "--json", "--lake", str(lake)).stdout)
            took = time.perf_counter() - began
            checked = tribolake("status", "--check", "--lake", str(lake))
        finally:
            os.kill(run.pid, signal.SIGKILL)
    assert took < 5, "it waits for the run"  # half a second on an idle machine
    assert (shown["attempt"]["state"], shown["attempt"]["last"]["exit_code"]) == ("running", 0)
    assert (shown["machines"], shown["reports"]) == (before.machines, before.reports)
    assert shown["last_run"] == before.last_run
    assert (checked.returncode, checked.stdout.count("\n")) == (0, 1)
    killed = tribolake("status", "--check", "--lake", str(lake))
    assert (killed.returncode, "was killed: start `tribolake run`" in killed.stdout) == (1, True)
    load_settings(lake=lake).warehouse.write_bytes(b"not a warehouse")
    failed = tribolake("run", "--json", "--lake", str(lake))
    said = json.loads(failed.stdout)
    assert said["exit_code"] == failed.returncode != 0
    assert said["problem"].startswith("the warehouse")
    checked = tribolake("status", "--check", "--lake", str(lake))
    assert (checked.returncode, "failed since" in checked.stdout) == (1, True)
    assert lake_status(load_settings(lake=lake), None).machines == before.machines
