"""Files are read in separate processes: one that cannot be read fails alone."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.lab_files import layout, workbook

from tribolake.lake.content import FileContent, OpenContent
from tribolake.processes import module_command
from tribolake.readers.confined import MODEST_MEMORY, ReadingTask, read_files
from tribolake.readers.reading import Reading, ReadingLimits

BOTH = layout(("OIL", "Sample"), ("*", "Sample"))
LIMITS = ReadingLimits(max_file_mb=50, max_inflated_mb=64, memory_mb=600, processor_seconds=30)


def bomb() -> bytes:
    """A few kilobytes that stand for five gigabytes: one long text in 5 000 rows."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), pa.array(["0" * 2**20]))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"Sample": texts}), buffer, compression="zstd")
    return buffer.getvalue()


def test_file_that_ends_its_reader_fails_alone(tmp_path: Path):
    contents = {
        "a.xlsx": workbook([["Sample"], ["A1"]]),
        "bomb.parquet": bomb(),
        "b.xlsx": workbook([["Sample"], ["B1"], ["B2"]]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    tasks = [ReadingTask(FileContent(str(tmp_path / name)), str(tmp_path / "staged."), BOTH) for name in contents]
    first, large, last = read_files(tasks, LIMITS)
    assert (first.rows, first.problem, last.rows, last.problem) == (1, None, 2, None)
    assert large.problem is not None
    assert "needs more than 600 MB" in large.problem
    assert {path.name for path in tmp_path.glob("staged.*")} == {
        f"staged.{first.sha256}.parquet",
        f"staged.{last.sha256}.parquet",
    }


def test_memory_of_earlier_files_does_not_fail_a_later_one(tmp_path: Path):
    grid = [["Sample", *(f"column {n}" for n in range(60))], *([f"A{n}", *range(60)] for n in range(1500))]
    paths = []
    for number in range(4):
        paths.append(tmp_path / f"{number}.xlsx")
        paths[-1].write_bytes(workbook([*grid, [f"B{number}"]]))
    paths.append(tmp_path / "table.parquet")
    columns = {"Sample": [f"C{n}" for n in range(5000)]} | {
        f"c{n}": [f"{n},{k}" for k in range(5000)] for n in range(80)
    }
    pq.write_table(pa.table(columns), paths[-1])
    tasks = [ReadingTask(FileContent(str(path)), str(tmp_path / "staged."), BOTH) for path in paths]
    tight = ReadingLimits(max_file_mb=50, max_inflated_mb=64, memory_mb=420, processor_seconds=30)
    readings = list(read_files(tasks, tight))
    assert [reading.problem for reading in readings] == [None] * 5
    assert [reading.rows for reading in readings] == [1501, 1501, 1501, 1501, 5000]


def test_file_beyond_the_size_limit_is_not_opened(tmp_path: Path):
    path = tmp_path / "large.xlsx"
    with path.open("wb") as file:
        file.truncate(51 * 2**20)
    (reading,) = read_files([ReadingTask(FileContent(str(path)), str(tmp_path / "staged."), BOTH)], LIMITS)
    assert reading.problem is not None
    assert "more than 50 MB" in reading.problem


def test_missing_file_does_not_stop_the_others(tmp_path: Path):
    (tmp_path / "a.xlsx").write_bytes(workbook([["Sample"], ["A1"]]))
    tasks = [
        ReadingTask(FileContent(str(tmp_path / name)), str(tmp_path / "staged."), BOTH)
        for name in ("gone.xlsx", "a.xlsx")
    ]
    gone, there = read_files(tasks, LIMITS)
    assert (
        gone.problem
        == "cannot be opened (No such file or directory). Check its name and permissions, then copy it again"
    )
    assert (there.rows, there.problem) == (1, None)


def test_file_that_cannot_be_read_now_is_tried_again(tmp_path):
    path = tmp_path / "unreadable.xlsx"
    path.symlink_to("/proc/self/mem")
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/cda.", BOTH)], LIMITS)
    assert reading.is_transient
    assert "cannot be opened" in str(reading.problem)


def test_sheets_that_are_not_read_are_in_the_reading(tmp_path: Path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([["Sample"], ["A1"]], fill=lambda sheet: sheet.write(3, 0, "total")))
    other = tmp_path / "b.xlsx"
    other.write_bytes(workbook([["Sample"], ["A1"]], sheet="GEAR"))
    of = layout(("OIL", "Sample"))
    tasks = [ReadingTask(FileContent(str(one)), str(tmp_path / "staged."), of) for one in (path, other)]
    first, second = read_files(tasks, LIMITS)
    assert (first.rows, first.unread_sheets) == (2, [])
    assert second.problem is not None and "sheets found: GEAR" in second.problem


def test_workbook_that_ends_its_reader_is_read_as_a_stream(tmp_path: Path):
    """A cell in the last column makes a rectangle of 1.5 GB of 3 000 rows."""
    path = tmp_path / "wide.xlsx"
    path.write_bytes(workbook([["Sample"], ["A1"]], fill=lambda sheet: sheet.write(2_999, 16_383, "x")))
    (reading,) = read_files([ReadingTask(FileContent(str(path)), str(tmp_path / "staged."), BOTH)], LIMITS)
    assert (reading.problem, reading.rows) == (None, 2)


@dataclass(frozen=True)
class HandledContent:
    """A file. Something is done to its reader, or to the file, before the reader gets it."""

    path: Path
    handle: Callable[[list[int]], object]

    def size_bytes(self) -> int:
        return 0

    def address(self, max_bytes: int) -> None:
        """None: it has a path."""

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        with FileContent(str(self.path)).open(max_bytes) as content:
            children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            self.handle([int(child) for child in children])
            yield content


def read_second(folder: Path, handle: Callable[[list[int]], object], content: bytes | None = None) -> Reading:
    """Read two files with one reader. It is handled before the second one."""
    paths = [folder / "a.xlsx", folder / "b.xlsx"]
    for path in paths:
        path.write_bytes(workbook([["Sample"], [path.stem]]) if content is None or path != paths[1] else content)
    first, second = FileContent(str(paths[0])), HandledContent(paths[1], handle)
    tasks = [ReadingTask(one, f"{folder}/staged.", BOTH) for one in (first, second)]
    before, reading = read_files(tasks, LIMITS)
    assert (before.rows, before.problem) == (1, None)
    return reading


def test_reader_has_no_secret_in_its_environment(tmp_path: Path, monkeypatch):
    secrets = {"AWS_SECRET_ACCESS_KEY": "seen-1", "OPENAI_API_KEY": "seen-2", "TRIBOLAKE_ANYTHING": "seen-3"}
    for name, text in secrets.items():
        monkeypatch.setenv(name, text)
    found = []
    reading = read_second(tmp_path, lambda readers: found.extend(Path(f"/proc/{readers[0]}/environ").read_bytes()))
    assert (reading.rows, reading.problem) == (1, None)
    assert b"PATH=" in bytes(found)
    assert b"seen-" not in bytes(found)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_reader_killed_from_outside_is_replaced(tmp_path: Path, number):
    reading = read_second(tmp_path, lambda readers: [os.kill(reader, number) for reader in readers])
    assert (reading.rows, reading.problem) == (1, None)


def test_reader_that_is_always_killed_blames_no_file(tmp_path: Path):
    done = threading.Event()

    def kill_readers() -> None:
        while not done.wait(0.01):
            for children in Path("/proc/self/task").glob("*/children"):
                with suppress(OSError):
                    for child in map(int, children.read_text().split()):
                        # This process has servers of other tests too.
                        if b"tribolake.readers.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                            os.kill(child, signal.SIGKILL)

    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([["Sample"], ["A1"]]))
    killer = threading.Thread(target=kill_readers)
    killer.start()
    try:
        (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/staged.", BOTH)], LIMITS)
    finally:
        done.set()
        killer.join()
    assert reading.is_transient
    assert "ended from outside (SIGKILL)" in str(reading.problem)


def test_reader_without_memory_left_blames_no_file(tmp_path: Path):
    handled = []

    def leave_no_memory(readers: list[int]) -> None:
        used = int(Path(f"/proc/{readers[0]}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(readers[0], resource.RLIMIT_AS, (used, used))
        handled.extend(readers)

    reading = read_second(
        tmp_path, leave_no_memory, content=workbook([["Sample"], *[[f"b{n}"] for n in range(20_000)]])
    )
    assert (reading.rows, reading.problem) == (20_000, None)
    assert len(handled) == 1


def test_reader_has_its_limit_of_memory(tmp_path: Path):
    found = []
    read_second(tmp_path, lambda readers: found.append(resource.prlimit(readers[0], resource.RLIMIT_AS)))
    assert found == [(600 * 2**20, 600 * 2**20)]


def test_run_with_less_memory_than_a_reader_reads_files(tmp_path: Path):
    """`ulimit -v` of a run below the limit of its readers ended every reader."""
    path, staged = tmp_path / "a.xlsx", f"{tmp_path}/staged."
    path.write_bytes(workbook([["Sample"], ["A1"]]))
    asked = {"path": str(path), "size_bytes": None, "staged_prefix": staged, "layout": asdict(BOTH), "streams": False}
    child = [sys.executable, "-m", "tribolake.readers.child", json.dumps(asdict(replace(LIMITS, memory_mb=4096)))]
    shell = ["sh", "-c", 'ulimit -v 700000; exec "$@"', "sh", *child]
    environment = os.environ | MODEST_MEMORY
    told = subprocess.run(shell, input=json.dumps(asked), capture_output=True, text=True, check=True, env=environment)
    assert json.loads(told.stdout.splitlines()[1])["rows"] == 1


def test_module_in_the_folder_of_the_command_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each reader imported `random.py` of the folder in which a run was started, so a file of a share was executed."""
    monkeypatch.chdir(tmp_path)
    for name in ("random", "csv", "tribolake"):
        Path(f"{name}.py").write_text("import os; os.mkdir('taken')")
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook([["Sample"], ["A1"]]))
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/staged.", BOTH)], LIMITS)
    assert (reading.rows, reading.problem) == (1, None)
    for module in ("tribolake.readers.child", "tribolake.watch.warm", "tribolake"):
        subprocess.run(module_command(module, "--help"), check=False, capture_output=True, stdin=subprocess.DEVNULL)
    assert not Path("taken").exists()


def test_file_beyond_its_processor_time_fails(tmp_path: Path):
    path = tmp_path / "long.csv"
    path.write_text("Sample;Fe\n" + '"A1";7\n' * 1_500_000)  # quoted: DuckDB would read it in time
    limits = replace(LIMITS, processor_seconds=1)
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/staged.", BOTH)], limits)
    assert not reading.is_transient
    assert "or 1 s" in str(reading.problem)
    assert len(reading.sha256) == 64


def test_reader_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch):
    def stop(readers: list[int]) -> None:
        monkeypatch.setattr("tribolake.readers.reading.START_SECONDS", -59)  # one second is left
        os.kill(readers[0], signal.SIGSTOP)

    reading = read_second(tmp_path, stop)
    assert reading.is_transient
    assert "did not end within 1 s" in str(reading.problem)


def test_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path):
    def replace_by_pipe(_: list[int]) -> None:
        path = tmp_path / "b.xlsx"
        path.rename(tmp_path / "kept")
        os.mkfifo(path)

    began = time.monotonic()
    reading = read_second(tmp_path, replace_by_pipe)
    assert reading.is_transient
    assert "no regular file" in str(reading.problem)
    assert time.monotonic() - began < LIMITS.processor_seconds


def test_file_that_grows_after_its_listing_is_read_later(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("Sample\nA1\n")
    (reading,) = read_files([ReadingTask(FileContent(str(path), 5), f"{tmp_path}/staged.", BOTH)], LIMITS)
    assert reading.is_transient
    assert "changed from 5 to 10 bytes" in str(reading.problem)


def test_error_of_the_staging_folder_blames_no_file(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("Sample\nA1\n")
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{tmp_path}/gone/staged.", BOTH)], LIMITS)
    assert reading.is_transient
    assert "cannot be staged (No such file or directory)" in str(reading.problem)
