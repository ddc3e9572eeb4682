"""What tells the watcher that something may have changed. All of it is a hint: the listing is the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tribolake.lake import Lake
from tribolake.settings import Settings

NEVER = float("inf")


@dataclass(frozen=True)
class QueueState:
    """How a watcher stands with its queue: `held` messages wait for a run to cover them."""

    name: str
    held: int
    problem: str | None


class EventSource(Protocol):
    """Rings the watcher's bell, and is told what came of it. Its methods do not wait for a network."""

    @property
    def look_every_seconds(self) -> float:
        """How often bronze is to be listed though nothing rang."""

    @property
    def heard(self) -> frozenset[str]:
        """Keys of files that came and that no run covers yet, whatever the listing shows."""

    @property
    def queue(self) -> QueueState | None:
        """The queue that events come from, if they come from one."""

    def keep_watching(self) -> bool:
        """Begin to watch, or begin again after trouble; False where it is to be asked again soon.

        Raises:
            OSError: no events can be had now.
        """

    def run_began(self) -> frozenset[str]:
        """A run begins: it lists bronze after this, and so covers what was heard before, which is returned."""

    def run_ended(self, ok: bool) -> None:
        """The run ended; `ok` says that it recorded what it found and published what could be published."""

    def stop(self) -> None:
        """Ring no more; a run under way may still end."""

    def close(self) -> None:
        """Let go of everything; what no run covered is left to the next watcher."""


class Polling:
    """A lake on S3 without a queue sends no events: it is listed every now and then."""

    heard: frozenset[str] = frozenset()
    queue = None

    def __init__(self, seconds: float) -> None:
        self.look_every_seconds = seconds

    def keep_watching(self) -> bool:
        return True

    def run_began(self) -> frozenset[str]:
        return self.heard

    def run_ended(self, ok: bool) -> None:
        """Nothing was heard that it could cover."""

    def stop(self) -> None:
        """Nothing rings."""

    def close(self) -> None:
        """Nothing is held."""


def open_source(settings: Settings, lake: Lake, *, ring: Callable[[], None], log: Callable[[str], None]) -> EventSource:
    """The source of a lake's events: its folder, its queue, or none.

    Raises:
        ConfigurationError: there is no such queue.
    """
    if not settings.is_on_s3:
        from tribolake.watch.events import FolderEvents  # noqa: PLC0415 - not needed on S3

        return FolderEvents(lake.home / "bronze", polling=settings.watch.polling, ring=ring, log=log)
    if not settings.watch.queue or settings.watch.polling:
        return Polling(settings.watch.poll_seconds)
    from tribolake.watch.queue import open_queue  # noqa: PLC0415 - a lake in a folder needs no AWS library

    return open_queue(settings, ring=ring, log=log)
