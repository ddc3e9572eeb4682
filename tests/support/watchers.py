"""A watcher as a real process, with what it writes in a folder."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from tests.support.queues import PATIENCE_SECONDS

from tribolake.watch.heartbeat import Heartbeat, read_heartbeat

# What feedback is about, which may be published or not.
REPORT = {
    "client": "CDA", "laboratory": "finning", "sampleNumber": "1", "sampleOccurrence": "", "unitId": "T_09",
    "componentName": "motor",
}  # fmt: skip


class WatcherProcess:
    """A watcher of a lake. Its reports and its log are files of `folder`."""

    command: tuple[str, ...] = ("watch",)

    def __init__(self, lake: str, folder: Path, state: Path, *words: str, environment: Mapping[str, str]) -> None:
        self._out, self._log, self._state = folder / "runs.jsonl", folder / "log", state
        with self._out.open("a") as out, self._log.open("a") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", "tribolake", *self.command, "--lake", lake, "--json", *words],
                stdout=out,
                stderr=log,
                env=os.environ | environment,
            )

    def runs(self) -> list[dict[str, Any]]:
        """Return reports of the runs that did something."""
        lines = self._out.read_text(encoding="utf-8").splitlines()
        return [report for report in map(json.loads, lines) if not report["nothing_new"]]

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def heartbeat(self) -> Heartbeat | None:
        beat = read_heartbeat(self._state)
        return beat if beat and beat.pid == self.process.pid else None

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill the watcher. Its processes notice it and clean up."""
        family = self.process.children(recursive=True) if self.process.is_running() else []
        with suppress(psutil.Error):
            self.process.kill()
            self.process.wait()
        for process in psutil.wait_procs(family, timeout=10)[1]:
            process.kill()
