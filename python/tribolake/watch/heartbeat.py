"""The watcher's heartbeat: a small file that shows whether it runs and how far it is behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, PositiveInt, TypeAdapter, ValidationError

from tribolake.errors import with_advice
from tribolake.lake.claims import process_exists
from tribolake.lake.files import read_regular, write_even_if_full
from tribolake.texts import cut
from tribolake.watch.event_source import QueueState

BEAT_SECONDS = 5.0
# Listing a slow network mount delays beats. A longer silence means that the process hangs.
SILENCE = timedelta(seconds=60)
FILE_NAME = "watch.json"
SHOWN_CHARACTERS = 2000  # of the problems of a run, in every heartbeat

State = Literal["idle", "settling", "running", "backing off", "stopped"]


@dataclass(frozen=True)
class LastRun:
    """The last run of the watcher. `problem` says why it failed, or what needs a look."""

    run_id: str | None
    finished_at: AwareDatetime
    seconds: float
    ok: bool
    problem: str | None


@dataclass(frozen=True)
class Heartbeat:
    """State of the watcher. `lag_seconds` is the age of the oldest complete file that is not published.

    `queue` is the queue of its events, if it has one.
    """

    pid: PositiveInt
    started_at: AwareDatetime
    beat_at: AwareDatetime
    state: State
    last_run: LastRun | None
    lag_seconds: float
    backlog: int
    queue: QueueState | None = None

    def is_alive(self, now: datetime) -> bool:
        return self.state != "stopped" and now - self.beat_at < SILENCE and process_exists(self.pid)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that `status` shows."""
        shown: dict[str, Any] = _HEARTBEAT.dump_python(self, mode="json")
        return {"alive": self.is_alive(datetime.now(UTC)), **shown}


_HEARTBEAT = TypeAdapter(Heartbeat)


def write_heartbeat(state_dir: Path, heartbeat: Heartbeat) -> None:
    """Replace the file. Readers see the old heartbeat or the new one, or on a full disk none."""
    write_even_if_full(state_dir / FILE_NAME, json.dumps(asdict(heartbeat), default=datetime.isoformat))


class Heartbeats:
    """Writes the heartbeat every few seconds and at each change.

    A full disk does not stop the watcher, and is logged once.
    """

    def __init__(self, state_dir: Path, log: Callable[[str], None]) -> None:
        self._state_dir = state_dir
        self._log = log
        self._trouble = ""
        self._started_at = datetime.now(UTC)
        self._last: tuple[State, int, LastRun | None, QueueState | None] | None = None
        self.last_run: LastRun | None = None
        self.due_at = 0.0  # monotonic seconds

    def beat(self, now: float, state: State, backlog: int, complete_since: float, queue: QueueState | None) -> None:
        """Write a heartbeat if one is due. Times are monotonic seconds, `complete_since` that of the oldest file."""
        beat = (state, backlog, self.last_run, queue)
        if now < self.due_at and beat == self._last:
            return
        self._last, self.due_at = beat, now + BEAT_SECONDS
        lag = max(0.0, round(time.monotonic() - complete_since, 1))  # none if no file is complete
        self._write(
            Heartbeat(os.getpid(), self._started_at, datetime.now(UTC), state, self.last_run, lag, backlog, queue)
        )

    def _write(self, heartbeat: Heartbeat) -> None:
        before, self._trouble = self._trouble, ""
        try:
            write_heartbeat(self._state_dir, heartbeat)
        except OSError as error:
            self._trouble = with_advice(str(error))
            if self._trouble != before:
                self._log(f"the heartbeat cannot be written: {self._trouble}")


def problem_of(report: dict[str, Any]) -> str | None:
    """Format the problems of a run in one line. None if it had none."""
    files = [f"{failed['file']}: {failed['problem']}" for failed in report["failed_files"]]
    clients = [f"{client}: {done['problem']}" for client, done in report["clients"].items() if done["problem"]]
    rejected = [
        f"{one['file']}: {one['rejected']} × {one['reason']}" for one in report["rejected"] if one["needs_a_look"]
    ]
    problems = "; ".join([*clients, *files, *report["failed_tests"], *rejected])
    return cut(problems, SHOWN_CHARACTERS) or None


def read_heartbeat(state_dir: Path) -> Heartbeat | None:
    """Read the last heartbeat. None if no watcher ever ran, or if the file is not a heartbeat."""
    try:
        return _HEARTBEAT.validate_json(read_regular(state_dir / FILE_NAME))
    except (OSError, ValidationError):
        return None
