"""Wordings in two places: one says what is so, the other is its copy."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tribolake.errors import StoreUnavailable
from tribolake.oil.wording.cache import Imported, NoPlaceLeft, Validate, anything
from tribolake.oil.wording.cache.kept import KeptWordings, Name, now
from tribolake.oil.wording.cache.names import NoWording
from tribolake.oil.wording.wording import Wording

log = logging.getLogger(__name__)
WRITERS = 8
PAUSE_SECONDS = 60.0


class WordingsInBoth:
    """A copy that cannot be reached holds nothing back; it is brought in line by the next process that asks.

    The first look or keep of a process takes what only one of the two has into the other, so that a lake that moves
    from one storage mode to the next keeps its wordings. Where both have a key, the truth's wording counts.
    What expired in the truth is removed from a copy that has it still; marks in the copy expire nothing in the truth.
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
        self._try(lambda: _keep_if_possible(self._copy, kept, validate))
        return kept

    def count(self) -> dict[str, int]:
        return self._truth.count()

    def compact(self, at_least: int = 1) -> int:
        self.bring_in_line()
        done = self._truth.compact(at_least)
        self._try(lambda: self._copy.compact(at_least))
        return done

    def expire(self, prompt_version: str) -> int:
        # The copy first, and its trouble ends it: readers of the copy alone would go on with what has expired.
        until = now()
        self._copy.expire(prompt_version, until)
        return self._truth.expire(prompt_version, until)

    def export_to(self, path: Path) -> int:
        return self._truth.export_to(path)

    def import_from(self, path: Path, validate: Validate) -> Imported:
        from tribolake.oil.wording.cache.transfer import import_wordings  # noqa: PLC0415 - few want it

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
        """Take what only one of the two has into the other; returns how many keys.

        What has expired is not taken back into the truth: many machines may have a copy, and an expiry reaches one.
        """
        in_truth, in_copy = self._truth.names(), self._copy.names()
        # After the names: what an expiry has removed from the truth by then is known to have expired.
        expired = self._truth.expired()
        found = _wordings_of(self._copy, in_copy - in_truth)
        valid = [[one for one in several if not _is_in(expired, one)] for several in found]
        taken = _take(self._truth, valid)
        old = {one.configuration.prompt_version for several in found for one in several if _is_in(expired, one)}
        if self._expire_copy(expired, old):
            in_truth, in_copy = self._truth.names(), self._copy.names()
        return taken + _take(self._copy, _wordings_of(self._truth, in_truth - in_copy))

    def _expire_copy(self, expired: Mapping[str, str], old: Collection[str]) -> bool:
        """Remove prompt versions from the copy; whether any were.

        Args:
            expired: until when, by prompt version; those whose marks the copy has not got.
            old: prompt versions of which it has something from before all the same.
        """
        seen = self._copy.expired() if expired else {}
        behind = [version for version, until in expired.items() if version in old or seen.get(version, "") < until]
        for version in behind:
            self._copy.expire(version, expired[version])
        return bool(behind)

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


def _is_in(expired: Mapping[str, str], wording: Wording) -> bool:
    """Whether a wording has expired, by the times until when those of a prompt version have."""
    return wording.generated_at <= expired.get(wording.configuration.prompt_version, "")


def _wordings_of(source: KeptWordings, names: Counter[Name]) -> list[tuple[Wording, ...]]:
    """The wordings of each of these keys, in the order in which they count."""
    return list(source.everything({key for _, key in names}).values()) if names else []


def _take(target: KeptWordings, wordings: Sequence[Sequence[Wording]]) -> int:
    """Keep the wordings of some keys in another place; returns how many keys."""
    with ThreadPoolExecutor(WRITERS) as threads:
        return sum(threads.map(lambda several: _keep_in_order(target, several), filter(None, wordings)))


def _keep_in_order(target: KeptWordings, several: Sequence[Wording]) -> bool:
    """Keep each wording of a key behind those that go before it; whether all of them could be."""
    before: list[Wording] = []
    for one in several:
        if not _keep_if_possible(target, one, lambda other: ["it goes before"] if other in before else []):
            return False
        before.append(one)
    return True


def _keep_if_possible(target: KeptWordings, wording: Wording, validate: Validate) -> bool:
    """Keep a wording; whether it could be. One that cannot is its key's trouble, and holds no other one back."""
    try:
        target.keep(wording, validate)
    except (NoWording, NoPlaceLeft) as error:
        log.warning("wordings: %s is not copied: %s", wording.cache_key, error)
        return False
    return True
