"""Runs in processes that are forked from a warm one, seen from the watcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tribolake.product import Product
from tribolake.run.project import fingerprint_process
from tribolake.settings import Settings
from tribolake.watch.warm import kill_run

# Threads do not survive a fork: the libraries are asked not to start any.
FEW_THREADS = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """What came of a run: its report, or the class of an error and its message."""

    report: dict[str, Any] | None
    error: str = ""
    message: str = ""


class Runner:
    """One warm process, replaced when it ends or when the project has changed; at most one run at a time."""

    def __init__(self, product: Product, settings: Settings) -> None:
        self._product = product
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._fingerprint = ""
        self._unread = b""
        self._run_pid: int | None = None
        self._is_warm = False
        self.is_running = False

    def fileno(self) -> int | None:
        """What is readable when :meth:`collect` has something to do; None without a warm process."""
        return self._process.stdout.fileno() if self._process and self._process.stdout else None

    @property
    def is_up(self) -> bool:
        """Whether there is a warm process, or one that is getting warm."""
        return self._process is not None

    @property
    def is_under_way(self) -> bool:
        """Whether a run has really begun: what is asked for waits until the process is warm."""
        return self._run_pid is not None

    def get_warm(self) -> None:
        """See to it that there is a warm process, and that it knows the project as it is now; does not wait for it."""
        fingerprint = fingerprint_process(self._product)
        if self._process is not None and self._fingerprint == fingerprint:
            return
        self.stop()
        self._fingerprint = fingerprint
        self._unread = b""
        self._process = subprocess.Popen(  # noqa: S603 - the address is a product's own
            [sys.executable, "-m", "tribolake.watch.warm", self._product.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | self._settings.environment() | FEW_THREADS,
            start_new_session=True,  # Ctrl-C is for the watcher
        )

    def start_run(self, policy: str, clients: Sequence[str] | None, *, list_everything: bool = False) -> None:
        """Begin a run as soon as the process is warm."""
        self.get_warm()
        self.is_running = True
        request = json.dumps({"policy": policy, "clients": clients, "list_everything": list_everything})
        with suppress(BrokenPipeError):  # it has ended: collect() finds out
            self._write(request)

    def collect(self) -> Outcome | None:
        """Read what the warm process said; what came of the run if that was among it."""
        if self._process is None or self._process.stdout is None:
            return None
        said = os.read(self._process.stdout.fileno(), 2**16)
        if not said:
            return self._bury()
        *lines, self._unread = (self._unread + said).split(b"\n")
        outcome = None
        for line in lines:
            outcome = self._hear(json.loads(line)) or outcome
        if outcome and not self._is_warm:  # the project cannot be parsed
            self._bury()
        return outcome

    def stop(self) -> None:
        """End the warm process, and with it a run under way."""
        if self._process is None:
            return
        assert self._process.stdin  # noqa: S101 - a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:  # it is still getting warm
            self._process.kill()
        self._bury()

    def _hear(self, said: dict[str, Any]) -> Outcome | None:
        if "warm" in said:
            self._is_warm = True
        elif "started" in said:
            self._run_pid = said["started"]
        else:
            self.is_running, self._run_pid = False, None
            return Outcome(said.get("report"), said.get("error", ""), said.get("message", ""))
        return None

    def _bury(self) -> Outcome:
        """The warm process has ended: its run goes with it."""
        assert self._process and self._process.stdin and self._process.stdout  # noqa: S101 - both are pipes
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        code = self._process.wait()
        if self._run_pid is not None:
            kill_run(self._run_pid)
        self._process, self._run_pid = None, None
        self._is_warm, self.is_running = False, False
        return Outcome(None, "WarmProcessEnded", f"the warm process ended with code {code}; it is started again")

    def _write(self, line: str) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
