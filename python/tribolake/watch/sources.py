"""Sources of events for the watcher. An event only means that bronze may have changed: the listing decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tribolake.lake import Lake
from tribolake.settings import Settings

NEVER = float("inf")


@dataclass(frozen=True)
class QueueState:
    """State of the queue. `held` is the number of messages that wait for a run."""

    name: str
    held: int
    problem: str | None


class EventSource(Protocol):
    """Wakes the watcher, and learns when runs begin and end. Its methods do not wait for the network."""

    @property
    def look_every_seconds(self) -> float:
        """Time between listings without an event."""

    @property
    def pending_keys(self) -> frozenset[str]:
        """Keys in events that no run covers yet."""

    @property
    def queue(self) -> QueueState | None:
        """State of the queue, if events come from one."""

    def keep_watching(self) -> bool:
        """Begin to watch, again after trouble. Returns False if the caller must try again soon.

        Raises:
            OSError: events are not available now.
        """

    def run_began(self) -> frozenset[str]:
        """Note that a run begins. It lists bronze after this, so it covers the pending keys. Returns them."""

    def run_ended(self, ok: bool) -> None:
        """Note that the run ended. `ok` means that it recorded all files and published all clients that passed."""

    def stop(self) -> None:
        """Stop waking the watcher. A run under way may still end."""

    def close(self) -> None:
        """Release everything. The next watcher gets the events that no run covered."""


class Polling:
    """Lists a lake on S3 without a queue at a fixed interval."""

    pending_keys: frozenset[str] = frozenset()
    queue = None

    def __init__(self, seconds: float) -> None:
        self.look_every_seconds = seconds

    def keep_watching(self) -> bool:
        return True

    def run_began(self) -> frozenset[str]:
        return self.pending_keys

    def run_ended(self, ok: bool) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def open_source(settings: Settings, lake: Lake, *, wake: Callable[[], None], log: Callable[[str], None]) -> EventSource:
    """Open the source of a lake's events: its folder, its queue, or polling.

    Raises:
        ConfigurationError: the queue does not exist.
    """
    if not settings.is_on_s3:
        from tribolake.watch.events import FolderEvents  # noqa: PLC0415 - not needed on S3

        return FolderEvents(lake.home / "bronze", polling=settings.watch.polling, wake=wake, log=log)
    if not settings.watch.queue or settings.watch.polling:
        return Polling(settings.watch.poll_seconds)
    from tribolake.watch.queue import open_queue  # noqa: PLC0415 - a lake in a folder needs no AWS library

    return open_queue(settings, wake=wake, log=log)
