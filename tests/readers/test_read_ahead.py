"""Files are read while dbt is imported; who needs the readings waits for them, and reads what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.readers.test_reading import LIMITS
from tests.support.lab_files import OIL, workbook

from tribolake.lake.content import FileContent, OpenContent
from tribolake.lake.folder import FolderLake
from tribolake.lake.ledger import Ledger, files_of
from tribolake.oil.reading import begin_to_read, read_arrivals
from tribolake.readers.confined import ReadingTask
from tribolake.readers.read_ahead import read_ahead, readings_of
from tribolake.settings import Settings


@dataclass(frozen=True)
class SlowContent:
    """A file on a share that takes its time to open."""

    path: Path
    may_open: threading.Event = field(default_factory=threading.Event, compare=False)
    opened: list[int] = field(default_factory=list, compare=False)

    def size_bytes(self) -> int:
        return 0

    def address(self, max_bytes: int) -> None:
        """None: it has a path."""

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        self.opened.append(max_bytes)
        assert self.may_open.wait(60)
        yield OpenContent(self.path)


def a_workbook(path: Path, *samples: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(workbook([["Sample"], *([sample] for sample in samples)]))
    return path


def task(path: Path) -> ReadingTask:
    return ReadingTask(FileContent(str(path)), str(path.parent / "cda."), OIL)


def test_files_are_read_once_and_readings_are_awaited(tmp_path: Path):
    slow = SlowContent(a_workbook(tmp_path / "slow.xlsx", "A1"))
    tasks = {"slow": ReadingTask(slow, str(tmp_path / "cda."), OIL)}
    read_ahead(tasks, LIMITS, tmp_path / "run.jsonl")
    with ThreadPoolExecutor(1) as threads:
        wanted = threads.submit(readings_of, tasks, LIMITS, tmp_path / "run.jsonl")
        assert not wanted.done()
        slow.may_open.set()
        (reading,) = wanted.result(60).values()
    assert reading.rows == 1
    assert readings_of(tasks, LIMITS, tmp_path / "run.jsonl") == {"slow": reading}
    assert len(slow.opened) == 1


def test_files_that_nobody_read_ahead_are_read_when_wanted(tmp_path: Path):
    tasks = {name: task(a_workbook(tmp_path / name, name, "B2")) for name in ("one", "two")}
    read_ahead({"one": tasks["one"]}, LIMITS, tmp_path / "run.jsonl")
    readings = readings_of(tasks, LIMITS, tmp_path / "run.jsonl")
    assert [readings[name].rows for name in tasks] == [2, 2]
    assert readings_of(tasks, LIMITS, tmp_path / "other.jsonl") == readings
    for reading in readings.values():
        assert (tmp_path / f"cda.{reading.sha256}.parquet").exists()


def test_reader_that_was_killed_is_not_awaited(tmp_path: Path):
    """The lock of a killed process is free, and its torn record is that of its own run."""
    path = a_workbook(tmp_path / "file.xlsx", "A1")
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tests.readers.test_read_ahead import LIMITS, SlowContent, ReadingTask, OIL, read_ahead\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "read_ahead({'file': ReadingTask(SlowContent(folder / 'file.xlsx'), '', OIL)}, LIMITS, folder / 'run.jsonl')\n"
        "print('reading', flush=True); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (killed.returncode, killed.stdout) == (-9, "reading\n"), killed.stderr
    assert readings_of({"file": task(path)}, LIMITS, tmp_path / "run.jsonl")["file"].rows == 1


def test_record_of_a_killed_run_is_not_believed(settings: Settings):
    """A file that was written over since, with its size and time, is read again by the next run."""
    path = a_workbook(settings.lake / settings.prefix / "bronze" / "cda" / "T-1.xlsx", "A1")
    lake = FolderLake(settings.lake, settings.prefix)
    layouts = {"cda": OIL}
    begin_to_read(settings, "killed", lake.list_bronze(), layouts)
    (before,) = read_arrivals(settings, "killed", lake.list_bronze(), Ledger.of([]), layouts)
    times = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    os.utime(path, ns=(times, times))
    (after,) = read_arrivals(settings, "next", lake.list_bronze(), Ledger.of([]), layouts)
    assert before["sha256"] != after["sha256"]


def test_found_files_that_are_loaded_are_not_read_again(settings: Settings):
    path = a_workbook(settings.lake / settings.prefix / "bronze" / "cda" / "2026-01-31" / "T-2.xlsx", "A1")
    a_workbook(path.with_name("T-1.xlsx"), "B1")
    one, two = FolderLake(settings.lake, settings.prefix).list_bronze()
    rows = [(file.client, file.key, file.size_bytes, file.modified_at, file.partition_date) for file in (two, one)]
    assert files_of(rows, Ledger.of([])) == [one, two]
    loaded = Ledger.of([("cda", one.key, one.size_bytes, one.modified_at, "sha", False, "loaded")])
    assert files_of(rows, loaded) == [two]
