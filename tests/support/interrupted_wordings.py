"""What others can do between two calls of one who uses the wordings: they compact, and a writer comes too late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count, takewhile

from tests.support.kept_wordings import wording

from tribolake.oil.wording.cache.kept import KeptWordings
from tribolake.oil.wording.cache.names import Place
from tribolake.oil.wording.cache.write_once import Kept, WriteOnce


@dataclass
class Interrupted:
    """A place of objects in which others do something just before the call of a given number, counted from 1."""

    objects: WriteOnce
    at_call: int
    others: Callable[[], object]
    calls: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def _count(self) -> None:
        with self._counting:
            self.calls += 1
            if self.calls == self.at_call:
                self.others()

    def listing(self, prefix: str) -> list[Kept]:
        self._count()
        return self.objects.listing(prefix)

    def read(self, kept: Kept, max_bytes: int) -> bytes:
        self._count()
        return self.objects.read(kept, max_bytes)

    def put(self, name: str, content: bytes) -> Kept | None:
        self._count()
        return self.objects.put(name, content)

    def remove(self, kept: Kept) -> None:
        self._count()
        self.objects.remove(kept)

    def tidy(self) -> None:
        self.objects.tidy()


def check_at_every_call(objects: WriteOnce, use: str) -> int:
    """Find, keep or compact a wording, interrupted before each call in turn; returns how many calls there are."""
    return len(list(takewhile(lambda call: _check_at(objects, call, use), count(1))))


def _check_at(objects: WriteOnce, call: int, use: str) -> bool:
    """Use a wording while, before a call, others compact it and a late writer stores his own in the place made free.

    Returns:
        Whether there was such a call.
    """
    first, late = wording(call), wording(call, "late")

    def compact_and_store_late() -> None:
        KeptWordings(objects).compact()
        objects.put(Place("v1", late.cache_key, 1).name, late.as_json())  # and he dies before he looks

    interrupted = Interrupted(objects, call, compact_and_store_late)
    KeptWordings(objects).keep(first)
    mine = KeptWordings(interrupted)
    if use == "find":
        assert mine.find([first.cache_key]) == {first.cache_key: first}
    elif use == "keep":
        assert mine.keep(wording(call, "mine")) == first
    else:
        mine.compact()
    for _ in range(2):
        assert KeptWordings(objects).find([first.cache_key]) == {first.cache_key: first}
        KeptWordings(objects).compact()
    return interrupted.calls >= call
