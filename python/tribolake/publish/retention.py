"""Which days of a client's gold history stay, which go to the archive, which are forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

DAILY = 30
WEEKLY = 52


@dataclass(frozen=True)
class Retention:
    """Every snapshot's day is in exactly one of the three, oldest first."""

    kept: tuple[date, ...]
    archived: tuple[date, ...]
    dropped: tuple[date, ...]


def retention(dates: Iterable[date], daily: int = DAILY, weekly: int = WEEKLY) -> Retention:
    """Decide about snapshots from their days alone.

    Kept are the newest `daily` snapshots and the last snapshot of each of the newest `weekly` ISO weeks that have one.
    The last snapshot of an older week is archived. Only what is neither is dropped.

    Deciding again about what is left changes nothing, and deciding day after day ends as deciding once does: the last
    snapshot of a week stays the last one.

    Args:
        dates: days of the snapshots, archived ones included, in any order.
        daily: how many of the newest snapshots are kept.
        weekly: of how many of the newest weeks the last snapshot is kept.
    """
    ordered = sorted(set(dates))
    last_of_week = {day.isocalendar()[:2]: day for day in ordered}
    representatives = [last_of_week[week] for week in sorted(last_of_week)]
    kept = set(_newest(ordered, daily)) | set(_newest(representatives, weekly))
    archived = set(representatives) - kept
    return Retention(
        kept=tuple(day for day in ordered if day in kept),
        archived=tuple(day for day in ordered if day in archived),
        dropped=tuple(day for day in ordered if day not in kept and day not in archived),
    )


def _newest(days: list[date], count: int) -> list[date]:
    return days[max(0, len(days) - count) :]
