"""The watcher's heartbeat: a small file that shows whether it runs and how far it is behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, PositiveInt, TypeAdapter, ValidationError

from tribolake.errors import with_advice
from tribolake.lake.claims import process_exists
from tribolake.lake.files import read_regular, write_even_if_full
from tribolake.watch.event_source import QueueState

BEAT_SECONDS = 5.0
# Listing a slow network mount delays beats. A longer silence means that the process hangs.
SILENCE = timedelta(seconds=60)
FILE_NAME = "watch.json"

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
    """Writes heartbeats. A full disk does not stop the watcher, and is logged once."""

    def __init__(self, state_dir: Path, log: Callable[[str], None]) -> None:
        self._state_dir = state_dir
        self._log = log
        self._trouble = ""

    def write(self, heartbeat: Heartbeat) -> None:
        before, self._trouble = self._trouble, ""
        try:
            write_heartbeat(self._state_dir, heartbeat)
        except OSError as error:
            self._trouble = with_advice(str(error))
            if self._trouble != before:
                self._log(f"the heartbeat cannot be written: {self._trouble}")


def read_heartbeat(state_dir: Path) -> Heartbeat | None:
    """Read the last heartbeat. None if no watcher ever ran, or if the file is not a heartbeat."""
    try:
        return _HEARTBEAT.validate_json(read_regular(state_dir / FILE_NAME))
    except (OSError, ValidationError):
        return None
