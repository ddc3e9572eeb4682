"""Test the watcher as a real process on a small lake, with real files, signals and kills."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import psutil
import pytest
from filelock import FileLock
from tests.conftest import read_manifest
from tests.support.queues import wait_until
from tests.support.watchers import REPORT, WatcherProcess

from tribolake.oil.feedback.entry import new_entry
from tribolake.oil.feedback.shelf import add_entry
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import load_settings


class Watched(WatcherProcess):
    """A watcher and its lake."""

    def __init__(self, lake: Path, *words: str, **environment: str) -> None:
        self.lake = lake
        self.runs_before = 0
        super().__init__(str(lake), lake, lake / "_state", *words, environment=environment)

    def runs(self) -> list[dict]:
        """Return reports of the runs that did something since `forget_runs`."""
        return super().runs()[self.runs_before :]

    def forget_runs(self) -> None:
        self.runs_before += len(self.runs())

    def is_idle(self) -> bool:
        beat = self.heartbeat()
        return beat is not None and beat.state == "idle" and beat.last_run is not None

    def is_running(self) -> bool:
        return self.run_process() is not None

    def run_process(self) -> psutil.Process | None:
        """The process of a run: forked from the warm process, with its own process group."""
        with suppress(psutil.Error, ProcessLookupError):
            for process in self.process.children(recursive=True):
                if "tribolake.watch.warm" in process.cmdline() and os.getpgid(process.pid) == process.pid:
                    parent = process.parent()
                    if parent is not None and parent.pid != self.process.pid:
                        return process
        return None


def manifest_names(lake: Path, name: str) -> bool:
    with suppress(FileNotFoundError):
        return any(name in source["key"] for source in read_manifest(lake, "cda")["sources"])
    return False


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small lake after one run, which never changes."""
    lake = tmp_path_factory.mktemp("published")
    write_sample_lake(lake, finning_units=1, als_units=5, months=12)
    subprocess.run([sys.executable, "-m", "tribolake", "run", "--lake", str(lake)], check=True, timeout=120)
    return lake


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Workbooks with samples of later days, whose numbers are new. Each is given out once."""
    made = write_sample_lake(
        tmp_path_factory.mktemp("more"),
        seed=7,
        finning_units=25,
        months=2,
        end=date(2026, 3, 31),
        clients=("cda",),
        dirty=False,  # nobody has to look at them
    )
    return iter(made.files)


@pytest.fixture
def lake(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "lake", symlinks=True))


@pytest.fixture(scope="module")
def shared(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A watcher with default settings, for tests that do not stop it."""
    lake = tmp_path_factory.mktemp("shared") / "lake"
    watched = Watched(Path(shutil.copytree(published, lake, symlinks=True)))
    yield watched
    watched.kill()


@pytest.fixture
def watched(shared: Watched) -> Watched:
    """The shared watcher, idle and with past runs forgotten."""
    wait_until(shared.is_idle)
    shared.forget_runs()
    return shared


@pytest.fixture
def watch(lake: Path) -> Iterator[Callable[..., Watched]]:
    """Start watchers. Remaining processes are killed at the end."""
    started: list[Watched] = []

    def start(*words: str, **environment: str) -> Watched:
        started.append(Watched(lake, *words, **environment))
        return started[-1]

    yield start
    for watched in started:
        watched.kill()


def bronze(lake: Path, name: str) -> Path:
    folder = lake / "oil-analysis" / "bronze" / "cda" / "2026-02-01"
    folder.mkdir(exist_ok=True)
    return folder / name


@pytest.mark.slow
def test_slow_copy_is_taken_once_when_complete(watched: Watched, workbooks: Iterator[Path]):
    content = next(workbooks).read_bytes()
    with bronze(watched.lake, "slow.xlsx").open("wb") as copy:
        for start in range(0, len(content), len(content) // 20):
            copy.write(content[start : start + len(content) // 20])
            copy.flush()
            time.sleep(0.1)
        time.sleep(1.5)  # longer than files take to settle, but the writer still holds the file
        assert watched.runs() == []
        assert not watched.is_running()
    wait_until(lambda: manifest_names(watched.lake, "slow.xlsx"))
    wait_until(watched.is_idle)
    assert [run["failed_files"] for run in watched.runs()] == [[]]


@pytest.mark.slow
def test_burst_of_files_is_taken_by_one_run(watched: Watched, workbooks: Iterator[Path]):
    for position in range(4):
        shutil.copyfile(next(workbooks), bronze(watched.lake, f"burst-{position}.xlsx"))
        time.sleep(0.15)
    wait_until(lambda: all(manifest_names(watched.lake, f"burst-{position}.xlsx") for position in range(4)))
    wait_until(watched.is_idle)
    assert [run["clients"]["cda"]["arrivals"] for run in watched.runs()] == [4]
    beat = watched.heartbeat()
    assert beat is not None
    assert beat.last_run is not None
    assert beat.last_run.ok


@pytest.mark.slow
def test_feedback_wakes_the_watcher_but_not_for_each_entry(watched: Watched):
    """The next rescan is minutes away, and nothing of bronze is new."""
    settings = load_settings(lake=watched.lake)
    for number in range(12):
        add_entry(settings, new_entry(REPORT, "seen", f"Ana {number}", datetime.now(UTC)))
        time.sleep(0.05)
    wait_until(lambda: bool(watched.runs()) and watched.is_idle())
    assert 1 <= len(watched.runs()) <= 3
    add_entry(settings, new_entry(REPORT, "seen", "Eva", datetime.now(UTC)))
    before = len(watched.runs())
    wait_until(lambda: len(watched.runs()) > before and watched.is_idle())
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        assert warehouse.sql("select count(*) from silver.feedback").fetchone() == (13,)
    assert sum(done["arrivals"] for run in watched.runs() for done in run["clients"].values()) == 0


@pytest.mark.slow
@pytest.mark.thorough
def test_file_that_never_settles_does_not_delay_complete_files(
    watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path]
):
    watched = watch(TRIBOLAKE_WATCH_MAX_WAIT_SECONDS="2")
    wait_until(watched.is_idle)
    with bronze(lake, "endless.xlsx").open("wb") as endless:

        def is_published() -> bool:
            endless.write(b"more")
            endless.flush()
            return manifest_names(lake, "good.xlsx")

        is_published()
        shutil.copyfile(next(workbooks), bronze(lake, "good.xlsx"))
        wait_until(is_published)


@pytest.mark.slow
def test_poison_file_is_named_and_the_others_are_published(
    watched: Watched, workbooks: Iterator[Path], tribolake: Callable
):
    bronze(watched.lake, "poison.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    shutil.copyfile(next(workbooks), bronze(watched.lake, "good.xlsx"))
    wait_until(lambda: manifest_names(watched.lake, "good.xlsx"))
    wait_until(watched.is_idle)
    status = json.loads(tribolake("status", "--lake", str(watched.lake), "--json").stdout)
    assert "poison.xlsx" in status["watcher"]["last_run"]["problem"]
    assert not status["watcher"]["last_run"]["ok"]
    assert status["watcher"]["backlog"] == 0


@pytest.mark.slow
def test_second_watcher_is_refused_and_status_shows_the_first(watched: Watched, tribolake: Callable):
    second = tribolake("watch", "--lake", str(watched.lake))
    assert second.returncode == 3
    assert "another watcher" in second.stderr
    alive = json.loads(tribolake("status", "--lake", str(watched.lake), "--json").stdout)["watcher"]
    assert (alive["alive"], alive["state"], alive["pid"]) == (True, "idle", watched.process.pid)
    assert alive["backlog"] == 0
    assert "Watcher: idle" in tribolake("status", "--lake", str(watched.lake)).stdout


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--policy", "unheard-of"), ("--client", "unheard-of")])
def test_mistake_in_command_ends_at_once_with_2(lake: Path, tribolake: Callable, words: tuple):
    refused = tribolake("watch", "--lake", str(lake), *words)
    assert refused.returncode == 2
    assert "unheard-of" in refused.stderr


@pytest.mark.slow
@pytest.mark.thorough
def test_sigterm_while_idle_stops_all_processes_at_once(watch: Callable[..., Watched], lake: Path):
    watched = watch()
    wait_until(watched.is_idle)
    family = watched.process.children(recursive=True)
    assert family
    began = time.monotonic()
    assert watched.stop() == 0
    assert time.monotonic() - began < 5
    wait_until(lambda: not any(process.is_running() for process in family), 5)


@pytest.mark.slow
@pytest.mark.thorough
def test_sigterm_during_run_finishes_it_first(watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path]):
    watched = watch()
    wait_until(watched.is_idle)
    shutil.copyfile(next(workbooks), bronze(lake, "last.xlsx"))
    wait_until(watched.is_running)
    assert watched.stop() == 0
    assert manifest_names(lake, "last.xlsx")
    assert len(watched.runs()) == 1


@pytest.mark.slow
@pytest.mark.thorough
def test_sigterm_without_grace_leaves_work_to_the_next_run(
    watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path], tribolake: Callable
):
    watched = watch(TRIBOLAKE_WATCH_STOP_SECONDS="0.1")
    wait_until(watched.is_idle)
    shutil.copyfile(next(workbooks), bronze(lake, "last.xlsx"))
    wait_until(watched.is_running)
    time.sleep(0.5)
    family = watched.process.children(recursive=True)
    assert watched.stop() == 0
    wait_until(lambda: not any(process.is_running() for process in family), 5)
    assert not manifest_names(lake, "last.xlsx")
    assert tribolake("run", "--lake", str(lake)).returncode == 0
    assert manifest_names(lake, "last.xlsx")


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_watcher_ends_its_processes_and_next_catches_up(
    watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path], tribolake: Callable
):
    killed = watch()
    wait_until(killed.is_idle)
    shutil.copyfile(next(workbooks), bronze(lake, "during.xlsx"))
    wait_until(killed.is_running)
    family = killed.process.children(recursive=True)
    killed.process.kill()
    killed.process.wait()
    wait_until(lambda: not any(process.is_running() for process in family), 10)
    dead = json.loads(tribolake("status", "--lake", str(lake), "--json").stdout)["watcher"]
    assert not dead["alive"]
    assert "no watcher" in tribolake("status", "--lake", str(lake)).stdout
    shutil.copyfile(next(workbooks), bronze(lake, "while-stopped.xlsx"))
    watched = watch()
    wait_until(lambda: manifest_names(lake, "during.xlsx") and manifest_names(lake, "while-stopped.xlsx"))
    assert watched.stop() == 0


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_run_is_tried_again(watched: Watched, workbooks: Iterator[Path]):
    shutil.copyfile(next(workbooks), bronze(watched.lake, "again.xlsx"))
    wait_until(watched.is_running)
    time.sleep(0.5)
    run = watched.run_process()
    assert run is not None
    run.kill()
    wait_until(lambda: "SIGKILL" in watched.log(), 5)
    wait_until(lambda: manifest_names(watched.lake, "again.xlsx"))
    assert watched.process.is_running()


@pytest.mark.slow
@pytest.mark.thorough
def test_killed_warm_process_is_replaced(watched: Watched, workbooks: Iterator[Path]):
    watched.process.children()[0].kill()
    shutil.copyfile(next(workbooks), bronze(watched.lake, "other.xlsx"))
    wait_until(lambda: manifest_names(watched.lake, "other.xlsx"))


@pytest.mark.slow
def test_lake_held_by_another_run_is_tried_until_free(watched: Watched, workbooks: Iterator[Path]):
    with FileLock(watched.lake / "_state" / "run.lock"):
        shutil.copyfile(next(workbooks), bronze(watched.lake, "patient.xlsx"))
        wait_until(lambda: "another run holds" in watched.log())
        beat = watched.heartbeat()
        assert beat is not None
        assert beat.backlog == 1
    wait_until(lambda: manifest_names(watched.lake, "patient.xlsx"))


@pytest.mark.slow
@pytest.mark.thorough
def test_change_without_event_is_found_by_rescan(
    watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path], tmp_path: Path
):
    """Most network mounts send no events. Nor is one sent for what is written under another name of a file."""
    elsewhere = tmp_path / "elsewhere.xlsx"
    shutil.copyfile(next(workbooks), elsewhere)
    os.link(elsewhere, bronze(lake, "unheard.xlsx"))
    watched = watch(TRIBOLAKE_WATCH_RESCAN_SECONDS="8")
    wait_until(lambda: manifest_names(lake, "unheard.xlsx"))
    wait_until(watched.is_idle)
    watched.forget_runs()
    elsewhere.write_bytes(next(workbooks).read_bytes())
    time.sleep(2)
    assert not watched.is_running()
    wait_until(lambda: any(run["clients"]["cda"]["arrivals"] for run in watched.runs()))
    new = hashlib.sha256(elsewhere.read_bytes()).hexdigest()
    assert new in {source["sha256"] for source in read_manifest(lake, "cda")["sources"]}


@pytest.mark.slow
@pytest.mark.thorough
def test_mount_without_events_is_polled(watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path]):
    watched = watch("--polling")
    wait_until(watched.is_idle)
    shutil.copyfile(next(workbooks), bronze(lake, "polled.xlsx"))
    wait_until(lambda: manifest_names(lake, "polled.xlsx"))


@pytest.mark.slow
@pytest.mark.thorough
def test_bronze_folder_made_later_is_watched(tmp_path: Path, workbooks: Iterator[Path]):
    lake = tmp_path / "empty"
    lake.mkdir()
    watched = Watched(lake)
    try:
        wait_until(watched.is_idle)
        folder = lake / "oil-analysis" / "bronze" / "cda"
        folder.mkdir(parents=True)
        shutil.copyfile(next(workbooks), folder / "first.xlsx")
        wait_until(lambda: manifest_names(lake, "first.xlsx"))
        assert watched.stop() == 0
    finally:
        watched.kill()


@pytest.mark.slow
@pytest.mark.thorough
def test_settings_of_watch_command_reach_its_runs(watch: Callable[..., Watched], lake: Path, tmp_path: Path):
    watched = watch("--policy", "reference")
    wait_until(lambda: bool(watched.runs()))
    assert watched.runs()[0]["policy"] == "reference"
    assert load_settings(lake=lake).state.joinpath("watch.json").exists()


@pytest.mark.slow
@pytest.mark.thorough
def test_watcher_uses_changed_project_and_survives_mistake(
    watch: Callable[..., Watched], lake: Path, workbooks: Iterator[Path], project: Path
):
    watched = watch(PYTHONPATH=str(project / "python"))
    wait_until(watched.is_idle)
    warm = watched.process.children()[0].pid
    model = project / "models" / "oil" / "silver" / "rejected_rows.sql"
    right = model.read_text(encoding="utf-8")
    model.write_text("{{ this_macro_is_not_there() }}\n" + right, encoding="utf-8")
    shutil.copyfile(next(workbooks), bronze(lake, "patient.xlsx"))
    wait_until(lambda: "this_macro_is_not_there" in watched.log())
    assert not manifest_names(lake, "patient.xlsx")
    model.write_text("-- fixed\n" + right, encoding="utf-8")
    wait_until(lambda: manifest_names(lake, "patient.xlsx"))
    assert watched.process.children()[0].pid != warm
