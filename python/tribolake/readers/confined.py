"""Read untrusted files in processes of their own, with limits on memory, processor time and time by the clock.

A small workbook can claim a grid of 17 billion cells, and the sizes in its zip headers can be forged. The library that
reads it then asks for all that memory at once and the process ends. Here it is a child that ends, and one file fails.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

from tribolake.lake.content import Content, ContentArchived, ContentTooLarge, ObjectAddress, OpenContent
from tribolake.processes import module_command
from tribolake.readers.layout import FileLayout
from tribolake.readers.reading import OUT_OF_MEMORY, Reading, ReadingLimits, cannot_be_opened
from tribolake.settings.machine import machine_memory_mb

# A second reader pays only where there is much to read: reading goes on while dbt is imported on the other core.
MAX_READERS = 2
BYTES_PER_READER = 16 * 2**20
# Ends of a reader that are the work of its file: no memory, no processor time, a fault of a parser. All others, such as
# SIGKILL of a machine without memory, say nothing about it.
FILES_FAULT = (
    OUT_OF_MEMORY,
    -signal.SIGXCPU,
    -signal.SIGSEGV,
    -signal.SIGABRT,
    -signal.SIGBUS,
    -signal.SIGILL,
    -signal.SIGFPE,
)
# The system removes a killed reader within this time.
PATIENCE_SECONDS = 5
# A network share that fails for a moment is read again within the run. So is the file of a reader that was killed.
ATTEMPTS = Retrying(
    retry=retry_if_result(lambda reading: reading.is_transient),
    wait=wait_exponential_jitter(multiplier=0.05, max=1, jitter=0.1),
    stop=stop_after_attempt(4),
    retry_error_callback=lambda last: last.outcome.result() if last.outcome else None,
)
# Allocators that reserve address space ahead would use up the limit before there is anything in it.
MODEST_MEMORY = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
# The reader gets these variables of this process and no others: credentials and keys are among the others.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV")
PASSED_ON_PREFIX = "PYTHON"


@dataclass(frozen=True)
class ReadingTask:
    """A file to read, how its staged rows are called, and how its client's laboratory lays out files.

    The rows go to `{staged_prefix}{sha256}.parquet`.
    """

    content: Content
    staged_prefix: str
    layout: FileLayout


def read_files(tasks: Sequence[ReadingTask], limits: ReadingLimits) -> Iterator[Reading]:
    """Read files, at most two at a time, and give their readings in the same order."""
    size = sum(task.content.size_bytes() for task in tasks)
    fit = max(1, machine_memory_mb() // limits.memory_mb)
    wanted = min(MAX_READERS, len(tasks), 1 + size // BYTES_PER_READER, fit)
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


class ReaderOverdue(Exception):
    """A reader does not answer in time."""


@dataclass(frozen=True)
class _Answer:
    """What a reader said of a content: its SHA-256, and the reading unless a signal or an exit code ended it before."""

    sha256: str
    reading: Reading | None = None
    ended_by: int | None = None


class _Reader:
    """A process that reads one file after the other, and is started again when a file has ended it."""

    def __init__(self, limits: ReadingLimits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._fetches = True  # until it cannot: behind a proxy for instance, of which it knows nothing

    def read(self, task: ReadingTask) -> Reading:
        try:
            reading: Reading = ATTEMPTS(self._attempt, task)
        except ReaderOverdue:
            return Reading("", 0, _takes_too_long(self._limits), is_transient=True)
        return reading

    def _attempt(self, task: ReadingTask) -> Reading:
        try:
            return self._read(task)
        except OSError as error:
            return cannot_be_opened(error)

    def _read(self, task: ReadingTask) -> Reading:
        max_bytes = self._limits.max_file_mb * 2**20
        try:
            address = task.content.address(max_bytes) if self._fetches else None
            if address is not None and (reading := self._fetch_and_read(address, task)):
                return replace(reading, version_id=address.version_id)
            with task.content.open(max_bytes) as content:
                return replace(self._read_content(content, task), version_id=content.version_id)
        except ContentArchived as error:
            return Reading("", 0, str(error))
        except ContentTooLarge as error:
            return Reading("", 0, _too_large(error.size_bytes / 2**20, self._limits))

    def _fetch_and_read(self, address: ObjectAddress, task: ReadingTask) -> Reading | None:
        """Let the reader fetch the content. None if it could not, or could not read it: it is then opened instead."""
        answer = self._ask({"address": asdict(address)}, task, streams=False)
        self._fetches = bool(answer.sha256)
        return answer.reading if answer.sha256 else None

    def _read_content(self, content: OpenContent, task: ReadingTask) -> Reading:
        # Memory that earlier files left behind counts too, and there is a way to read with less of it: only a reader of
        # this file alone can blame it.
        source = {"path": str(content.path), "size_bytes": content.size_bytes}
        for streams in (False, True):
            answer = self._ask(source, task, streams=streams)
            if answer.reading:
                return answer.reading
            if answer.ended_by not in FILES_FAULT:
                return Reading("", 0, _was_ended(answer.ended_by), is_transient=True)
        allowed = _allowed_memory_mb()
        if allowed is not None and allowed < self._limits.memory_mb:
            return Reading("", 0, _has_too_little(allowed, self._limits), is_transient=True)
        return Reading(answer.sha256, 0, _needs_too_much(self._limits))

    def _ask(self, source: Mapping[str, Any], task: ReadingTask, *, streams: bool) -> _Answer:
        """Return the reader's answer. If there is none, the next task starts a new reader.

        Args:
            source: a path and the size of the file, or an address.
            task: where the rows go.
            streams: read with little memory.

        Raises:
            ReaderOverdue: it does not come.
        """
        process = self._started()
        assert process.stdin and process.stdout  # noqa: S101 - both were asked for as pipes
        asked = {
            **source,
            "staged_prefix": task.staged_prefix,
            "layout": asdict(task.layout),
            "streams": streams,
        }
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asked).encode() + b"\n")
            sha256, reading = _two_lines(process.stdout, self._limits.wall_seconds)
        except ReaderOverdue:
            self.stop()
            raise
        if reading:
            return _Answer(sha256, Reading(**json.loads(reading)))
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        ended_by = process.returncode
        self.stop()
        if sha256:
            Path(f"{task.staged_prefix}{sha256}.partial").unlink(missing_ok=True)
        return _Answer(sha256, ended_by=ended_by)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            # A process that waits for a dead network mount cannot be killed. It is left behind.
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=PATIENCE_SECONDS)
            self._process = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, arguments are not from files
                module_command("tribolake.readers.child", json.dumps(asdict(self._limits))),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=_reader_environment(),
            )
        return self._process


def _reader_environment() -> dict[str, str]:
    """Return what a reader needs to start, without the secrets of this process."""
    passed = {name: text for name, text in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIX)}
    return passed | MODEST_MEMORY


def _two_lines(stream: IO[bytes], seconds: float) -> tuple[str, str]:
    """Wait for two lines, as bytes come. A line that the end of the stream cuts is empty.

    Raises:
        ReaderOverdue: they do not come in time.
    """
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    deadline = time.monotonic() + seconds
    found = b""
    while found.count(b"\n") < 2:
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise ReaderOverdue
        came = os.read(stream.fileno(), 2**16)
        if not came:
            break
        found += came
    first, second = (*found.decode().split("\n")[:-1], "", "")[:2]
    return first, second


def _allowed_memory_mb() -> int | None:
    """Return the address space that this process and its children may have. None if there is no limit."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    return None if hard == resource.RLIM_INFINITY else hard // 2**20


def _was_ended(code: int | None) -> str:
    name = signal.Signals(-code).name if code and code < 0 else f"exit code {code}"
    return (
        f"the process that read it was ended from outside ({name}), perhaps because the machine is short of memory. "
        "A later run reads it again"
    )


def _takes_too_long(limits: ReadingLimits) -> str:
    return (
        f"reading it did not end within {limits.wall_seconds} s. Check that it is a file and that its disk answers. "
        "A later run reads it again"
    )


def _has_too_little(allowed_mb: int, limits: ReadingLimits) -> str:
    return (
        f"reading it needs more than the {allowed_mb} MB that `ulimit -v` of the run allows. "
        f"Allow {limits.memory_mb} MB: a later run reads it again"
    )


def _too_large(size_mb: float, limits: ReadingLimits) -> str:
    return f"{size_mb:,.0f} MB, more than {limits.max_file_mb} MB. Split it, or raise TRIBOLAKE_MAX_FILE_MB"


def _needs_too_much(limits: ReadingLimits) -> str:
    return (
        f"reading it needs more than {limits.memory_mb} MB of memory or {limits.processor_seconds} s. "
        "Split the file, or raise TRIBOLAKE_READER_MEMORY_MB if you trust it"
    )
