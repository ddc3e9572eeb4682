"""Which new files are complete: told from successive listings, without reading a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

# Size in bytes and modification time: what a listing tells of a file's content.
Version = tuple[int, datetime]


@dataclass(frozen=True)
class Patience:
    """How long a file must be unchanged before a run may take it, in seconds.

    `settle_seconds` is enough for a file that is at rest: it can be read and nobody writes it. A file that is not is
    taken all the same after `max_wait_seconds`: the run then says what is wrong with it.
    """

    settle_seconds: float
    max_wait_seconds: float


@dataclass(frozen=True)
class Sighting:
    """A file that waits for a run; `unchanged_since` is in seconds of the clock that listings are timed with."""

    version: Version
    unchanged_since: float
    is_complete: bool = False


def look_again(
    before: Mapping[str, Sighting],
    listed: Mapping[str, Version],
    now: float,
    patience: Patience,
    is_at_rest: Callable[[str], bool],
) -> dict[str, Sighting]:
    """What a new listing tells about the files that wait.

    Args:
        before: what was known from the listing before.
        listed: the files that wait now, by key; those that are gone since are forgotten.
        now: when the listing was made.
        patience: how long files must be unchanged.
        is_at_rest: asked, once it did not change for long enough, whether a file can be read and is not being written.
    """
    return {
        key: _look_again(before.get(key), version, now, patience, key, is_at_rest) for key, version in listed.items()
    }


def _look_again(
    known: Sighting | None,
    version: Version,
    now: float,
    patience: Patience,
    key: str,
    is_at_rest: Callable[[str], bool],
) -> Sighting:
    if known is None or known.version != version:
        return Sighting(version, now)
    if known.is_complete:
        return known
    unchanged = now - known.unchanged_since
    may_be_taken = unchanged >= patience.settle_seconds and (unchanged >= patience.max_wait_seconds or is_at_rest(key))
    return replace(known, is_complete=may_be_taken)
