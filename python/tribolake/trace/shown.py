"""The publications that readers of pages see: the newest ones, as soon as what every reader needs is prepared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from threading import Event, Lock, Thread

from tribolake.errors import StoreUnavailable, TribolakeError
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.publish.manifest import parse_manifest
from tribolake.settings import Settings
from tribolake.trace.held import HeldFiles, remove_all_held
from tribolake.trace.manifests import current_publications, gold_manifest_key, published_clients
from tribolake.trace.pinned import PinnedObjects, manifest_now
from tribolake.trace.published_rows import forget_answers, prepare_answers

MOST_WAIT_SECONDS = 0.1  # of a page, for a preparation
# What was the newest so long ago may be yesterday's. Who comes first in the morning waits for today's.
RECENT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 5.0
LAKES = 16


class ShownPublications:
    """The publications of a lake that pages show. Their files are held, whatever is published and removed.

    The first reader after a publication has it prepared in the background. Until it is ready, pages show the
    publication before.
    """

    def __init__(self, names: Collection[str], prepare: Callable[[Objects], None] = prepare_answers) -> None:
        """`names` are the files of a publication that pages read."""
        self._names = tuple(names)
        self._prepare = prepare
        self._lock = Lock()
        self._shown: PinnedObjects | None = None
        self._held: dict[str, HeldFiles] = {}  # by folder
        self._preparing: Event | None = None
        self._newest_at = 0.0  # when what is shown was the newest

    def pin(self, objects: Objects) -> PinnedObjects:
        """Return the objects of a lake as a page sees them."""
        newest = _newest(objects)
        with self._lock:
            if self._shown is not None and self._shown.manifests == newest.manifests:
                self._newest_at = time.monotonic()
                return self._shown.again()
            is_recent = self._shown is not None and time.monotonic() - self._newest_at < RECENT_SECONDS
            preparing = self._preparing or self._begin(newest)
        preparing.wait(MOST_WAIT_SECONDS if is_recent else LONGEST_WAIT_SECONDS)
        return self.last() or newest

    def last(self) -> PinnedObjects | None:
        """Return what was shown last, without a look at the lake. Returns None if nothing was."""
        with self._lock:
            return self._shown and self._shown.again()

    def _begin(self, newest: PinnedObjects) -> Event:
        self._preparing = Event()
        Thread(target=self._show, args=(newest, self._preparing, time.monotonic()), name="publication").start()
        return self._preparing

    def _show(self, newest: PinnedObjects, preparing: Event, began_at: float) -> None:
        try:
            newest, held = self._hold(newest)
            # The page that needs what cannot be read says so.
            with suppress(TribolakeError, OSError):
                self._prepare(newest.again())
            _leave_out_of_collections()
            with self._lock:
                self._shown, self._held, self._newest_at = newest, held, began_at
        except (TribolakeError, OSError):
            return  # the lake cannot be reached any more: the next reader tries again
        finally:
            with self._lock:
                self._preparing = None
            preparing.set()
        with suppress(TribolakeError, OSError):
            forget_answers(newest.again())

    def _hold(self, newest: PinnedObjects) -> tuple[PinnedObjects, dict[str, HeldFiles]]:
        """Hold the files of the newest publications. One that is replaced while they are copied is not the newest."""
        while True:
            newest = self._with_last_good(newest)
            held = {}
            # Without room on this machine files are read where they are.
            with suppress(OSError):
                for one in current_publications(newest):
                    folder = str(one.folder)
                    held[folder] = self._held.get(folder) or HeldFiles(newest, one, self._names)
            if not newest.is_overtaken():
                return replace(newest, held=tuple(held.values())), held
            newest = _newest(newest.objects)

    def _with_last_good(self, newest: PinnedObjects) -> PinnedObjects:
        """Have the manifests that were shown last in place of those that are damaged or gone."""
        last = self.last()
        shown = {**last.manifests, **last.last_good} if last else {}
        damaged = [key for key, content in newest.manifests.items() if parse_manifest(content) is None]
        kept = {key: before for key in damaged if (before := shown.get(key)) and parse_manifest(before)}
        return replace(newest, last_good=kept)


def _leave_out_of_collections() -> None:
    """Have the garbage collector skip what lives on: modules, and answers that are kept.

    To look through them took 90 ms, in which no page is answered. They are still freed with their last reference.
    """
    gc.collect()
    gc.freeze()


def _newest(objects: Objects) -> PinnedObjects:
    newest = PinnedObjects(objects)
    for client in published_clients(newest):
        key = gold_manifest_key(newest, client)
        newest.manifests[key] = manifest_now(objects, key)
    return newest


@lru_cache(maxsize=LAKES)
def _shown_of(home: str, names: tuple[str, ...]) -> ShownPublications:
    return ShownPublications(names)


def end_shown() -> None:
    """Remove all copies, when a server ends. A signal that ends the process leaves no time for it later."""
    _shown_of.cache_clear()
    remove_all_held()


def pin_shown(settings: Settings, names: tuple[str, ...]) -> PinnedObjects:
    """Return the objects of a lake as a page sees them: the newest publications that are prepared.

    If the lake cannot be reached, they are those that were shown last, and `is_cut_off`.

    Args:
        settings: the lake.
        names: files of a publication that pages read.

    Raises:
        StoreUnavailable: the lake cannot be reached, and nothing was shown yet.
    """
    objects = open_objects(settings)
    shown = _shown_of(objects.address(objects.home), names)
    try:
        # A folder that is not mounted looks like a lake without clients.
        if not settings.is_on_s3 and not settings.lake.is_dir():
            raise StoreUnavailable(f"the lake {settings.lake} is not a folder, or is not mounted")
        return shown.pin(objects)
    except (StoreUnavailable, OSError):
        last = shown.last()
        if last is None:
            raise
        return replace(last, is_cut_off=True)
