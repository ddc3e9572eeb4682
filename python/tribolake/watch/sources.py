"""Sources of events for the watcher. An event only means that bronze may have changed: the listing decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tribolake.lake.inbox import Inbox
from tribolake.settings import Settings
from tribolake.watch.event_source import EventSource
from tribolake.watch.queue import open_queue


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


def open_source(
    settings: Settings, places: Sequence[Inbox], *, wake: Callable[[], None], log: Callable[[str], None]
) -> EventSource:
    """Open the source of a lake's events: its folders, its queue, or polling.

    Raises:
        ConfigurationError: the queue does not exist.
    """
    if not settings.is_on_s3:
        from tribolake.watch.events import FolderEvents  # noqa: PLC0415 - not needed on S3

        folders = [settings.lake / place.folder for place in places]
        return FolderEvents(folders, polling=settings.watch.polling, wake=wake, log=log)
    if not settings.watch.queue or settings.watch.polling:
        return Polling(settings.watch.poll_seconds)
    return open_queue(settings, places, wake=wake, log=log)
