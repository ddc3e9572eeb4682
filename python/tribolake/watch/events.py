"""File events of the system. An event only means that something may have changed: the listing decides."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from tribolake.watch.event_source import NEVER

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

POLL_SECONDS = 1.0
IN_CREATE = 0x100  # as in <sys/inotify.h>
# Without events of files that are only read: a run would wake the watcher.
CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]


def _can_watch_one_more(folder: Path) -> bool:
    """Return whether the system can watch one more folder: watchdog says nothing of a folder that it cannot watch."""
    system = ctypes.CDLL(None, use_errno=True)
    descriptor = system.inotify_init1(os.O_CLOEXEC) if hasattr(system, "inotify_init1") else -1
    if descriptor < 0:
        return True
    try:
        added = system.inotify_add_watch(descriptor, os.fsencode(folder), IN_CREATE)
        return added >= 0 or ctypes.get_errno() != errno.ENOSPC
    finally:
        os.close(descriptor)


class _Wake(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._wake()


class FolderEvents:
    """Wakes the watcher when anything changes below some folders.

    What the system sends no event of, as a change behind a link to a file, the next rescan finds. If the system has no
    more watches, the folder is polled. Events are not kept: the listing shows all work.
    """

    look_every_seconds = NEVER
    pending_keys: frozenset[str] = frozenset()
    queue = None

    def __init__(
        self, folders: Sequence[Path], *, polling: bool, wake: Callable[[], None], log: Callable[[str], None]
    ) -> None:
        self._folders = folders
        self._watched: list[Path] = []
        self._polling = polling
        self._handler = _Wake(wake)
        self._log = log
        self._observer: BaseObserver | None = None

    def keep_watching(self) -> bool:
        """Begin to watch, again if a folder was replaced. Returns whether events will come of all of them."""
        there = [folder for folder in self._folders if folder.is_dir()]
        if there and not self._polling and not _can_watch_one_more(there[0]):
            self._poll("the system has no more inotify watches")
        if there != self._watched or not self._is_watching():
            self.stop()
            self._watched = there
            if there:
                self._begin()
        return len(there) == len(self._folders)

    def _begin(self) -> None:
        if not self._polling:
            try:
                self._observer = self._started(Observer(timeout=POLL_SECONDS))
            except OSError as error:
                self._poll(error.strerror or str(error))
        if self._polling:
            self._observer = self._started(PollingObserver(timeout=POLL_SECONDS))
        # Files may have come before the first event.
        self._handler.on_any_event(DirCreatedEvent(str(self._watched[0])))

    def _poll(self, why: str) -> None:
        self._log(f"{why}: changes are polled instead. Raise fs.inotify in sysctl, then start the watcher again")
        self._polling = True
        self.stop()

    def stop(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def close(self) -> None:
        self.stop()

    def run_began(self) -> frozenset[str]:
        return self.pending_keys

    def run_ended(self, ok: bool) -> None:
        """Do nothing."""

    def _is_watching(self) -> bool:
        """Check the emitters too: a removed folder ends its emitter but not the observer."""
        observer = self._observer
        return observer is not None and observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)

    def _started(self, observer: BaseObserver) -> BaseObserver:
        for folder in self._watched:
            observer.schedule(self._handler, str(folder), recursive=True, event_filter=CHANGES)
        observer.start()
        return observer
