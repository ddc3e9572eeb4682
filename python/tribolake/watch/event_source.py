"""What the watcher asks of a source of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
