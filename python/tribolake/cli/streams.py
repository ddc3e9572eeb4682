"""The standard streams: UTF-8 in any locale, and no failure of a command because its output cannot be written."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

# Their work is done whether or not somebody reads their output.
WORK_WITHOUT_OUTPUT = frozenset({"run", "watch"})


def use_utf8() -> None:
    """Start this process again in Python's UTF-8 mode if names of files are not UTF-8 in its locale."""
    if sys.getfilesystemencoding().lower() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"  # for child processes too
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the same command


class Output(io.FileIO):
    """A standard stream. What cannot be written is dropped, and `problem` says why."""

    problem: OSError | None = None

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)

    def write(self, content: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            return super().write(content)
        except BlockingIOError:
            raise
        except OSError as error:
            self.problem = error
            return len(content)


def open_streams() -> Output:
    """Replace the standard streams. Returns that of stdout."""
    for descriptor in range(3):  # a closed one would be given to the next file, and then be written to
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    stdout, stderr = Output(1), Output(2)
    sys.stdout, sys.stderr = _text(stdout, stdout.isatty()), _text(stderr, True)
    return stdout


def exit_code(code: int, stdout: Output) -> int:
    """Return the exit code of a command, given what became of its output.

    A reader that closes a pipe, as `head` does, has what it wants. If output is lost for another reason, stderr says
    so, and a command whose output is its result fails.
    """
    sys.stdout.flush()
    if stdout.problem is None or stdout.problem.errno == errno.EPIPE:
        return code
    sys.stderr.write(f"tribolake: the output cannot be written: {stdout.problem.strerror}\n")
    return code if code or WORK_WITHOUT_OUTPUT.intersection(sys.argv[1:2]) else 1


def _text(stream: Output, is_by_line: bool) -> TextIO:
    buffer = io.BufferedWriter(stream)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=is_by_line)
