"""The publications that readers of pages see: the newest ones, as soon as what every reader needs is prepared."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Event, Lock, Thread

from tribolake.errors import ContractBroken, TribolakeError
from tribolake.lake.objects import Objects
from tribolake.publish.contract import MANIFEST
from tribolake.trace.manifests import current_publication, gold_manifest_key, published_clients
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import forget_answers, prepare_answers

MOST_WAIT_SECONDS = 0.2  # of a page, for a preparation
LONGEST_WAIT_SECONDS = 5.0  # if nothing else can be shown
LAKES = 16
Manifests = dict[str, bytes | None]


@dataclass(frozen=True)
class _Preparation:
    """New publications while they are prepared. `until` is when pages stop to wait for them."""

    until: float
    is_done: Event = field(default_factory=Event)


class ShownPublications:
    """The publications of a lake that pages show.

    The first reader after a publication has it prepared in the background, and waits a moment. If that is not enough,
    pages show the publication before, until the new one is ready.
    """

    def __init__(self, prepare: Callable[[Objects], None] = prepare_answers) -> None:
        self._prepare = prepare
        self._lock = Lock()
        self._shown: Manifests | None = None
        self._preparing: _Preparation | None = None

    def pin(self, objects: Objects) -> PinnedObjects:
        """Return the objects of a lake as a page sees them."""
        newest = PinnedObjects(objects)
        for client in published_clients(newest):
            newest.read(gold_manifest_key(newest, client))
        with self._lock:
            if self._shown is None:
                self._shown = dict(newest.manifests)
            if self._shown == newest.manifests:
                return newest
            preparing = self._preparing or self._begin(objects, dict(newest.manifests))
        for seconds in (max(0.0, preparing.until - time.monotonic()), LONGEST_WAIT_SECONDS):
            preparing.is_done.wait(seconds)
            with self._lock:
                shown = PinnedObjects(objects, dict(self._shown))
            if _is_there(shown):
                return shown
        return newest

    def _begin(self, objects: Objects, manifests: Manifests) -> _Preparation:
        self._preparing = _Preparation(time.monotonic() + MOST_WAIT_SECONDS)
        Thread(target=self._show, args=(objects, manifests, self._preparing), name="publication").start()
        return self._preparing

    def _show(self, objects: Objects, manifests: Manifests, preparing: _Preparation) -> None:
        pinned = PinnedObjects(objects, dict(manifests))
        try:
            # The page that needs what cannot be read says so.
            with suppress(TribolakeError, OSError):
                self._prepare(pinned)
        finally:
            with self._lock:
                self._shown, self._preparing = manifests, None
            preparing.is_done.set()
        with suppress(TribolakeError, OSError):
            forget_answers(pinned)


def _is_there(shown: PinnedObjects) -> bool:
    """Return whether the files of shown publications are still there. The next run but one removes them."""
    try:
        found = [current_publication(shown, client) for client in published_clients(shown)]
    except ContractBroken:
        return False
    return all(one is not None and shown.objects.read(f"{one.folder}/{MANIFEST}") is not None for one in found)


@lru_cache(maxsize=LAKES)
def _shown_of(home: str) -> ShownPublications:
    return ShownPublications()


def pin_shown(objects: Objects) -> PinnedObjects:
    """Return the objects of a lake as a page sees them: the newest publications that are prepared."""
    return _shown_of(objects.address(objects.home)).pin(objects)
