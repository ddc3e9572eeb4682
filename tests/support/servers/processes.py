"""Server processes that always end with the test run."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ServerDidNotStart(Exception):
    """A server ended or did not answer in time. The message has the end of its log."""


def start(argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a server in its own session and append its output to `log`.

    On Linux with setpriv the kernel kills the server when the thread that started it ends. This works after `kill -9`
    too, when no `finally` runs.
    """
    tied = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*tied, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], patience: float = 3) -> None:
    """Terminate a server, and kill it after `patience` seconds. Its data are temporary."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Wait until `holds` returns True. Raises `ServerDidNotStart` if the server ends or the time is over."""
    deadline = time.monotonic() + seconds
    while not holds():
        if process.poll() is not None:
            raise ServerDidNotStart(f"{log.stem} ended with {process.returncode}: {_end_of(log)}")
        if time.monotonic() > deadline:
            raise ServerDidNotStart(f"{log.stem} did not answer within {seconds:g} s: {_end_of(log)}")
        time.sleep(0.02)


def eventually(holds: Callable[[], bool], seconds: float) -> bool:
    """Return whether `holds` returns True within this time."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return held


def _end_of(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]) if log.exists() else ""
