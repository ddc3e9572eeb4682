"""Retention for any days."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tribolake.publish.retention import retention

# Close days (daily runs) and distant days (a lake without runs).
days = st.lists(st.integers(1, 9) | st.just(1) | st.integers(10, 90), max_size=250).map(
    lambda gaps: [date(2023, 12, 20) + timedelta(days=sum(gaps[: index + 1])) for index in range(len(gaps))]
)
week = date.isocalendar


def newest_of_each_week(found: list[date]) -> list[date]:
    following = [*found[1:], None][: len(found)]
    return [day for day, other in zip(found, following, strict=True) if not same_week(day, other)]


def same_week(day: date, other: date | None) -> bool:
    return other is not None and week(day)[:2] == week(other)[:2]


@given(days)
def test_snapshot_is_either_kept_archived_or_dropped(found):
    decided = retention(found)
    assert sorted(decided.kept + decided.archived + decided.dropped) == found


@given(days)
def test_newest_30_snapshots_are_kept(found):
    assert set(found[-30:]) <= set(retention(found).kept)


@given(days)
def test_last_snapshot_of_week_is_kept_52_weeks_then_archived(found):
    decided = retention(found)
    last = newest_of_each_week(found)
    assert set(last[-52:]) <= set(decided.kept)
    assert not set(last) & set(decided.dropped)
    assert set(decided.archived) == set(last[:-52]) - set(found[-30:])


@given(days)
def test_older_days_that_are_not_last_of_their_week_are_dropped(found):
    assert set(retention(found).dropped) == set(found[:-30]) - set(newest_of_each_week(found))


@given(days)
def test_second_decision_about_remaining_days_changes_nothing(found):
    once = retention(found)
    again = retention(once.kept + once.archived)
    assert (again.kept, again.archived, again.dropped) == (once.kept, once.archived, ())


@settings(max_examples=30, deadline=None)
@given(days)
def test_daily_decisions_equal_one_decision_at_the_end(found):
    left: tuple[date, ...] = ()
    archived: set[date] = set()
    for day in found:
        decided = retention((*left, *archived, day))
        left = decided.kept
        archived |= set(decided.archived)
    once = retention(found)
    assert (left, archived) == (once.kept, set(once.archived))


@given(days, st.randoms())
def test_order_of_days_does_not_matter(found, chance):
    shuffled = chance.sample(found, len(found))
    assert retention(shuffled) == retention(found)


def test_two_years_of_days_keep_30_days_and_52_weeks():
    found = [date(2026, 1, 1) + timedelta(days=day) for day in range(730)]
    decided = retention(found)
    assert len(decided.kept) == 30 + 52 - 5  # the newest 30 days hold the last day of five weeks
    assert len(decided.archived) == len(newest_of_each_week(found)) - 52
