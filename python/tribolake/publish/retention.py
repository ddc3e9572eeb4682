"""Retention: which days of the gold history are kept, archived or dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

DAILY = 30
WEEKLY = 52


@dataclass(frozen=True)
class Retention:
    """Days of snapshots, oldest first. Each day is in exactly one of the three tuples."""

    kept: tuple[date, ...]
    archived: tuple[date, ...]
    dropped: tuple[date, ...]


def retention(dates: Iterable[date], daily: int = DAILY, weekly: int = WEEKLY) -> Retention:
    """Decide which snapshots are kept, archived or dropped, from their days alone.

    The newest `daily` snapshots are kept, and the last snapshot of each of the newest `weekly` ISO weeks that have one.
    The last snapshot of an older week is archived. All other snapshots are dropped.

    A second decision about the remaining days changes nothing. Decisions on each day give the same result as one
    decision at the end.

    Args:
        dates: days of the snapshots, archived ones included, in any order.
        daily: number of newest snapshots that are kept.
        weekly: number of newest weeks whose last snapshot is kept.
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
