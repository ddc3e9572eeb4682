"""The steps after a publication, as data."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tribolake.publish.places import Places
from tribolake.publish.retention import retention
from tribolake.publish.settling import RetireSnapshots, Step, settling_steps
from tribolake.publish.version import FOLLOWERS, Version

PLACES = Places(Path("/lake"), Path("/lake/oil"), "cda")
VERSION = Version(PLACES.versions / "run-9", {"run_id": "run-9", "published_at": "2026-01-31T23:00:00-03:00"})
DAYS = st.sets(st.integers(0, 2000).map(lambda day: date(2022, 1, 1) + timedelta(days=day)), max_size=100)


def steps(prepared: set[str], kept: set[date] = frozenset(), archived: set[date] = frozenset()) -> list[Step]:
    return settling_steps(PLACES, VERSION, prepared | {"_manifest.json"}, kept, archived)


def names(found: list[Step]) -> list[str]:
    return [type(step).__name__ for step in found]


def test_steps_of_a_whole_version_end_with_the_log():
    found = steps({*FOLLOWERS})
    assert names(found) == [
        "MergeDelta", "PlaceFile", "KeepManifest", "KeepSnapshot", "RetireSnapshots", "AppendLog",
    ]  # fmt: skip
    assert found[0].path == PLACES.delta(date(2026, 2, 1))


def test_steps_of_an_early_version_leave_out_missing_files():
    assert names(steps(set())) == ["KeepManifest", "KeepSnapshot", "RetireSnapshots"]


@given(DAYS, DAYS)
def test_retired_days_are_in_the_history_and_the_rest_is_kept(kept: set[date], archived: set[date]):
    (found,) = (step for step in steps(set(), kept, archived) if isinstance(step, RetireSnapshots))
    left = (kept | {VERSION.day}) - {*found.archived, *found.dropped}
    assert {*found.archived, *found.dropped} <= kept | {VERSION.day}
    assert not {*found.archived} & {*found.dropped}
    assert left == (kept | {VERSION.day}) & {*retention(kept | archived | {VERSION.day}).kept}


def test_snapshot_older_than_the_whole_history_is_retired():
    """The clock went back, and the 52 weeks since have snapshots."""
    newer = {VERSION.day + timedelta(days=day) for day in range(1, 365)}
    (found,) = (step for step in steps(set(), newer, {date(2020, 1, 1)}) if isinstance(step, RetireSnapshots))
    assert found.archived == (VERSION.day,)
