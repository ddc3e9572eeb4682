"""Read untrusted files in processes of their own, with limits on memory and processor time.

A small workbook can claim a grid of 17 billion cells, and the sizes in its zip headers can be forged; the library that
reads it then asks for all that memory at once and the process ends. Here it is a child that ends, and one file fails.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.abc import MetaPathFinder
from pathlib import Path
from queue import SimpleQueue

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

from tribolake.errors import BronzeFileUnreadable
from tribolake.lake.bronze import fingerprint
from tribolake.lake.content import Content, ContentTooLarge
from tribolake.readers.layout import SheetLayout

# A second reader pays only where there is much to read: reading goes on while dbt is imported on the other core.
MAX_READERS = 2
BYTES_PER_READER = 16 * 2**20
# A network share that stumbles is asked again within the run.
ATTEMPTS = Retrying(
    retry=retry_if_result(lambda reading: reading.is_transient),
    wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.1),
    stop=stop_after_attempt(4),
    retry_error_callback=lambda last: last.outcome.result() if last.outcome else None,
)
# Allocators that reserve address space ahead would use up the limit before there is anything in it.
MODEST_MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class ReadingLimits:
    """What reading one file may cost; `memory_mb` and `processor_seconds` hold for the process that reads."""

    max_file_mb: int
    max_inflated_mb: int
    memory_mb: int
    processor_seconds: int


@dataclass(frozen=True)
class ReadingTask:
    """A file to read, how its staged rows are called, and which sheets its client's laboratory delivers.

    The rows go to `{staged_prefix}{sha256}.parquet`.
    """

    content: Content
    staged_prefix: str
    layouts: tuple[SheetLayout, ...]


@dataclass(frozen=True)
class Reading:
    """What came of a file: its fingerprint and row count, or the reason why it cannot be read.

    A transient problem is none of the file's content: the network or the permissions may be mended by the next attempt.
    """

    sha256: str
    rows: int
    problem: str | None
    is_transient: bool = False
    version_id: str | None = None  # of the object that was read, in a bucket that keeps versions


def read_files(tasks: Sequence[ReadingTask], limits: ReadingLimits) -> Iterator[Reading]:
    """Read files, at most two at a time, and give their readings in the same order."""
    size = sum(task.content.size_bytes() for task in tasks)
    wanted = min(MAX_READERS, len(tasks), 1 + size // BYTES_PER_READER)
    idle: SimpleQueue[_Reader] = SimpleQueue()
    readers = [_Reader(limits) for _ in range(wanted)]
    for reader in readers:
        idle.put(reader)

    def read(task: ReadingTask) -> Reading:
        reader = idle.get()
        try:
            return reader.read(task)
        finally:
            idle.put(reader)

    if not readers:
        return
    try:
        with ThreadPoolExecutor(len(readers)) as threads:
            yield from threads.map(read, tasks)
    finally:
        for reader in readers:
            reader.stop()


class _Reader:
    """A process that reads one file after the other, and is started anew when a file has ended it."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[str] | None = None

    def read(self, task: ReadingTask) -> Reading:
        reading: Reading = ATTEMPTS(self._attempt, task)
        return reading

    def _attempt(self, task: ReadingTask) -> Reading:
        try:
            return self._read(task)
        except OSError as error:
            return _cannot_be_opened(error)

    def _read(self, task: ReadingTask) -> Reading:
        try:
            with task.content.open(self._limits.max_file_mb * 2**20) as content:
                return replace(self._read_content(content.path, task), version_id=content.version_id)
        except ContentTooLarge as error:
            return Reading("", 0, _too_large(error.size_bytes / 2**20, self._limits))

    def _read_content(self, path: Path, task: ReadingTask) -> Reading:
        is_fresh = self._process is None
        answer = self._ask(path, task)
        if not answer and not is_fresh:
            # Memory that earlier files left behind counts too: only a reader of this file alone can blame it.
            answer = self._ask(path, task)
        if answer:
            return Reading(**json.loads(answer))
        sha256 = fingerprint(path.read_bytes())
        Path(f"{task.staged_prefix}{sha256}.partial").unlink(missing_ok=True)
        return Reading(sha256, 0, _needs_too_much(self._limits))

    def _ask(self, path: Path, task: ReadingTask) -> str:
        """The reader's answer; empty where the file ended it, and the next task starts a new one."""
        process = self._started()
        assert process.stdin and process.stdout  # noqa: S101 - both were asked for as pipes
        with suppress(BrokenPipeError):
            layouts = [asdict(layout) for layout in task.layouts]
            asked = {"path": str(path), "staged_prefix": task.staged_prefix, "layouts": layouts}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.stop()
        return answer

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, arguments are not from files
                [sys.executable, "-m", "tribolake.readers.confined", json.dumps(asdict(self._limits))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | MODEST_MEMORY,
            )
        return self._process


def _too_large(size_mb: float, limits: ReadingLimits) -> str:
    return f"{size_mb:,.0f} MB, more than {limits.max_file_mb} MB. Split it, or raise TRIBOLAKE_MAX_FILE_MB"


def _cannot_be_opened(error: OSError) -> Reading:
    problem = f"cannot be opened ({error.strerror or error}). Check its name and permissions, then copy it again"
    return Reading("", 0, problem, is_transient=True)


def _needs_too_much(limits: ReadingLimits) -> str:
    return (
        f"reading it needs more than {limits.memory_mb} MB of memory or {limits.processor_seconds} s. "
        "Split the file, or raise TRIBOLAKE_READER_MEMORY_MB if you trust it"
    )


def _read_here(path: str, staged_prefix: str, layouts: Sequence[SheetLayout], limits: ReadingLimits) -> Reading:
    from tribolake.readers.reader import stage  # noqa: PLC0415 - only the child needs the reading libraries

    try:
        content = Path(path).read_bytes()
    except OSError as error:
        return _cannot_be_opened(error)
    sha256 = fingerprint(content)
    staged = Path(f"{staged_prefix}{sha256}.parquet")
    try:
        return Reading(sha256, stage(content, layouts, limits.max_inflated_mb, staged), None)
    except BronzeFileUnreadable as error:
        return Reading(sha256, 0, str(error))
    except MemoryError as error:
        raise SystemExit("out of memory") from error  # no answer: the parent tries a reader of this file alone
    except Exception as error:
        return Reading(sha256, 0, f"cannot be read ({type(error).__name__}: {error}). Copy or export it again")


class _NoPandas(MetaPathFinder):
    """pyarrow imports pandas at its first array: more than a second that reading a file does not need."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ImportError(fullname)


def serve(limits: ReadingLimits) -> None:
    """The child: limit this process, then answer each task on stdin with a reading on stdout."""
    sys.meta_path.insert(0, _NoPandas())
    memory_bytes = limits.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        asked = json.loads(line)
        layouts = tuple(SheetLayout(**layout) for layout in asked["layouts"])
        spent = resource.getrusage(resource.RUSAGE_SELF)
        deadline = int(spent.ru_utime + spent.ru_stime) + limits.processor_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (deadline, resource.RLIM_INFINITY))
        reading = _read_here(asked["path"], asked["staged_prefix"], layouts, limits)
        sys.stdout.write(json.dumps(asdict(reading)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(ReadingLimits(**json.loads(sys.argv[1])))
