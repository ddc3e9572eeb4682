"""The steps after a publication, as data."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tribolake.oil.product import OIL
from tribolake.publish.places import Places
from tribolake.publish.settling import Step, settling_steps
from tribolake.publish.version import Version, followers_of

PLACES = Places(OIL.contract, Path("/lake"), Path("/lake/oil"), "cda")
VERSION = Version(
    PLACES.versions / "run-9",
    {"run_id": "run-9", "published_at": "2026-01-27T23:00:00-03:00", "files": [{"name": "a.parquet"}]},
)


def steps(prepared: set[str], kept: set[date] = frozenset(), archived: set[date] = frozenset()) -> list[Step]:
    return settling_steps(PLACES, VERSION, prepared | {"_manifest.json", "a.parquet"}, kept, archived)


def names(found: list[Step]) -> list[str]:
    return [type(step).__name__ for step in found]


def test_steps_of_a_whole_version_end_with_the_log():
    found = steps({*followers_of(OIL.contract)})
    assert names(found) == [
        "MergeDelta", "PlaceFile", "PlaceFile", "KeepManifest", "KeepSnapshot", "RetireSnapshots", "AppendLog",
    ]  # fmt: skip
    assert found[0].path == PLACES.delta(date(2026, 1, 28))


def test_steps_of_an_early_version_leave_out_missing_files():
    assert names(steps(set())) == ["KeepManifest", "KeepSnapshot", "RetireSnapshots"]


@pytest.mark.parametrize("prepared", [{"_manifest.json"}, {"a.parquet"}])
def test_version_without_a_file_gives_no_snapshot(prepared: set[str]):
    assert "KeepSnapshot" not in names(settling_steps(PLACES, VERSION, prepared, set(), set()))


@pytest.mark.parametrize(
    ("archived", "to_archive"), [("2020-01-01", (VERSION.day,)), ("2026-01-30", ())], ids=["alone", "with a later day"]
)
def test_snapshot_older_than_52_weeks_is_retired(archived, to_archive):
    """It is archived unless the archive has a later day of its week."""
    newer = {date(2026, 2, 2) + timedelta(days=day) for day in range(364)}
    (found,) = (step for step in steps(set(), newer, {date.fromisoformat(archived)}) if hasattr(step, "archived"))
    assert found.archived == to_archive
    assert (VERSION.day in found.dropped) is not bool(to_archive)
    assert {*found.dropped} <= newer | {VERSION.day}
