"""Wordings in two places: one says what is so, the other is its copy."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tribolake.enrichment.cache import Imported, Validate, anything
from tribolake.enrichment.cache.kept import KeptWordings
from tribolake.enrichment.wording import Wording
from tribolake.errors import StoreUnavailable

log = logging.getLogger(__name__)
WRITERS = 8
PAUSE_SECONDS = 60.0


class WordingsInBoth:
    """A copy that cannot be reached holds nothing back; it is brought in line by the next process that asks.

    The first look or keep of a process takes what only one of the two has into the other, so that a lake that moves
    from one storage mode to the next keeps its wordings. Where both have a key, the truth's wording counts.
    """

    def __init__(self, truth: KeptWordings, copy: KeptWordings) -> None:
        self._truth = truth
        self._copy = copy
        self._is_in_line = False
        self._away_until = 0.0
        self._aligning = threading.Lock()

    def find(self, keys: Collection[str], validate: Validate = anything) -> dict[str, Wording]:
        self.bring_in_line()
        return self._truth.find(keys, validate)

    def keep(self, wording: Wording, validate: Validate = anything) -> Wording:
        self.bring_in_line()
        kept = self._truth.keep(wording, validate)
        self._try(lambda: self._copy.keep(kept, validate))
        return kept

    def count(self) -> dict[str, int]:
        return self._truth.count()

    def compact(self, at_least: int = 1) -> int:
        self.bring_in_line()
        done = self._truth.compact(at_least)
        self._try(lambda: self._copy.compact(at_least))
        return done

    def expire(self, prompt_version: str) -> int:
        # The copy first, and its trouble ends it: what is left there would come back into the truth.
        self._copy.expire(prompt_version)
        return self._truth.expire(prompt_version)

    def export_to(self, path: Path) -> int:
        return self._truth.export_to(path)

    def import_from(self, path: Path, validate: Validate) -> Imported:
        from tribolake.enrichment.cache.transfer import import_wordings  # noqa: PLC0415 - few want it

        return import_wordings(self, path, validate)

    def bring_in_line(self) -> int:
        with self._aligning:
            if self._is_in_line:
                return 0
            copied: list[int] = []
            if self._try(lambda: copied.append(self._exchange())):
                self._is_in_line = True
            return sum(copied)

    def _exchange(self) -> int:
        """Take what only one of the two has into the other."""
        in_truth, in_copy = self._truth.names(), self._copy.names()
        return _take(self._truth, self._copy, in_truth - in_copy) + _take(self._copy, self._truth, in_copy - in_truth)

    def _try(self, use_the_copy: Callable[[], object]) -> bool:
        """Do something with the copy; whether it was done. What fails would fail again for a while."""
        if time.monotonic() < self._away_until:
            return False
        try:
            use_the_copy()
        except (StoreUnavailable, OSError) as error:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            self._is_in_line = False
            log.warning("wordings: the copy is left behind for now: %s", error)
            return False
        return True


def _take(source: KeptWordings, target: KeptWordings, names: Counter[tuple[str, str]]) -> int:
    """Keep the wordings of these keys in another place, in the order in which they count; returns how many keys."""
    if not names:
        return 0
    found = source.everything({key for _, key in names})
    with ThreadPoolExecutor(WRITERS) as threads:
        return len(list(threads.map(lambda several: _keep_in_order(target, several), found.values())))


def _keep_in_order(target: KeptWordings, several: tuple[Wording, ...]) -> None:
    """Keep each wording of a key behind those that go before it."""
    before: list[Wording] = []
    for one in several:
        target.keep(one, lambda other: ["it goes before"] if other in before else [])
        before.append(one)
