"""Find complete new files from successive listings, without reading a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

# Size in bytes, modification time and version. Another stamp means other content.
FileStamp = tuple[int, datetime, str]


@dataclass(frozen=True)
class SettleTimes:
    """How long a file must be unchanged before a run may take it, in seconds.

    `settle_seconds` is for files at rest: readable and not open for writing. Other files are taken after
    `max_wait_seconds`, and the run reports their problem.
    """

    settle_seconds: float
    max_wait_seconds: float


@dataclass(frozen=True)
class Sighting:
    """A file that waits for a run. `unchanged_since` is in seconds of the clock of the listings."""

    stamp: FileStamp
    unchanged_since: float
    is_complete: bool = False


def update_sightings(
    before: Mapping[str, Sighting],
    listed: Mapping[str, FileStamp],
    now: float,
    times: SettleTimes,
    is_at_rest: Callable[[str], bool],
) -> dict[str, Sighting]:
    """Update the waiting files from a new listing.

    Args:
        before: result for the listing before.
        listed: stamps of the files that wait now, by key. Other files are forgotten.
        now: time of the listing.
        times: how long files must be unchanged.
        is_at_rest: returns whether a file is readable and not open for writing. Called once it was unchanged for long
            enough.
    """
    return {key: _update_sighting(before.get(key), stamp, now, times, key, is_at_rest) for key, stamp in listed.items()}


def _update_sighting(
    known: Sighting | None,
    stamp: FileStamp,
    now: float,
    times: SettleTimes,
    key: str,
    is_at_rest: Callable[[str], bool],
) -> Sighting:
    if known is None or known.stamp != stamp:
        return Sighting(stamp, now)
    if known.is_complete:
        return known
    unchanged = now - known.unchanged_since
    may_be_taken = unchanged >= times.settle_seconds and (unchanged >= times.max_wait_seconds or is_at_rest(key))
    return replace(known, is_complete=may_be_taken)
