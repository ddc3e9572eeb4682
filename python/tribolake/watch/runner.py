"""Start runs from the watcher, in processes that a warm process forks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tribolake.processes import module_command
from tribolake.product import Product
from tribolake.run.project import fingerprint_process
from tribolake.settings import Settings
from tribolake.watch.warm import kill_run

# Threads do not survive a fork, so the libraries must not start any.
FEW_THREADS = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """Result of a run: its report, or the class and message of its error."""

    report: dict[str, Any] | None
    error: str = ""
    message: str = ""


class Runner:
    """Owns one warm process, and replaces it when it ends or the project changes. Does one run at a time."""

    def __init__(self, product: Product, settings: Settings, policy: str, clients: Sequence[str] | None) -> None:
        self._product = product
        self._settings = settings
        self._request = {"policy": policy, "clients": clients}
        self._process: subprocess.Popen[bytes] | None = None
        self._fingerprint = ""
        self._unread = b""
        self._run_pid: int | None = None
        self._is_warm = False
        self.is_running = False

    def fileno(self) -> int | None:
        """Return a descriptor that is readable when :meth:`collect` has work. None without a warm process."""
        return self._process.stdout.fileno() if self._process and self._process.stdout else None

    @property
    def is_up(self) -> bool:
        """Whether there is a warm process, or one that is starting."""
        return self._process is not None

    @property
    def is_under_way(self) -> bool:
        """Whether the run has begun. A requested run waits until the process is warm."""
        return self._run_pid is not None

    def get_warm(self) -> None:
        """Start a warm process for the current project unless there is one. Does not wait for it."""
        fingerprint = fingerprint_process(self._product)
        if self._process is not None and self._fingerprint == fingerprint:
            return
        self.stop()
        self._fingerprint = fingerprint
        self._unread = b""
        self._process = subprocess.Popen(  # noqa: S603 - the address is a product's own
            module_command("tribolake.watch.warm", self._product.address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | self._settings.environment() | FEW_THREADS,
            start_new_session=True,  # Ctrl-C is for the watcher
        )

    def start_run(self, *, list_everything: bool) -> None:
        """Begin a run as soon as the process is warm."""
        self.get_warm()
        self.is_running = True
        with suppress(BrokenPipeError):  # the process has ended: collect() notices
            self._write(json.dumps(self._request | {"list_everything": list_everything}))

    def collect(self) -> Outcome | None:
        """Read the messages of the warm process. Returns the result of a run if it is among them."""
        if self._process is None or self._process.stdout is None:
            return None
        content = os.read(self._process.stdout.fileno(), 2**16)
        if not content:
            return self._clean_up()
        *lines, self._unread = (self._unread + content).split(b"\n")
        outcome = None
        for line in lines:
            outcome = self._handle(json.loads(line)) or outcome
        if outcome and not self._is_warm:  # the project cannot be parsed
            self._clean_up()
        return outcome

    def stop(self) -> None:
        """End the warm process and a run under way."""
        if self._process is None:
            return
        assert self._process.stdin  # noqa: S101 - a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:  # it is still starting
            self._process.kill()
        self._clean_up()

    def _handle(self, message: dict[str, Any]) -> Outcome | None:
        if "warm" in message:
            self._is_warm = True
        elif "started" in message:
            self._run_pid = message["started"]
        else:
            self.is_running, self._run_pid = False, None
            return Outcome(message.get("report"), message.get("error", ""), message.get("message", ""))
        return None

    def _clean_up(self) -> Outcome:
        """Reap the ended warm process and kill its run."""
        assert self._process and self._process.stdin and self._process.stdout  # noqa: S101 - both are pipes
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        code = self._process.wait()
        if self._run_pid is not None:
            kill_run(self._run_pid)
        self._process, self._run_pid = None, None
        self._is_warm, self.is_running = False, False
        return Outcome(None, "WarmProcessEnded", f"the warm process ended with code {code}; the watcher restarts it")

    def _write(self, line: str) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
