"""The gold of earlier days can be read, within the limits of retention."""

from __future__ import annotations

import fcntl
import json
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.support.small_warehouse import (
    apply_retention,
    gold_of,
    marks_in,
    publish,
    read_whole,
    shelf_in,
    snapshots,
    warehouse,
)

from tribolake.errors import ConfigurationError
from tribolake.lake.files import FICLONE
from tribolake.oil.product import OIL
from tribolake.publish.history import days_of, published_as_of
from tribolake.publish.manifest import kept_files
from tribolake.publish.places import Places
from tribolake.publish.retention import retention
from tribolake.settings import Settings
from tribolake.trace.verify import verify


def as_of(root: Path, day: str) -> Path:
    return published_as_of(OIL, shelf_in(root).home, "cda", date.fromisoformat(day))


def mark_as_of(root: Path, day: str) -> set[int]:
    folder = as_of(root, day)
    return marks_in(*(folder / file["name"] for file in kept_files(read_whole(folder))))


def test_history_leaves_results_out_and_is_whole(settings: Settings):
    settings.lake.mkdir()
    for turn, day in enumerate(("2026-01-01", "2026-01-02")):
        publish(warehouse(turn), settings.lake, f"run-{turn}", day)
    assert (gold_of(settings.lake) / "results.parquet").exists()
    for day in snapshots(settings.lake):
        names = {path.name for path in (gold_of(settings.lake) / "_history" / day).iterdir()}
        assert "component_status.parquet" in names
        assert "results.parquet" not in names
    assert verify(OIL, settings).differences == []
    (gold_of(settings.lake) / "_versions" / "run-1" / "results.parquet").unlink()
    assert "results.parquet" in verify(OIL, settings).differences[0].file


def test_history_of_several_days_has_every_day(tmp_path):
    for mark, day in enumerate(("2026-01-05", "2026-01-06", "2026-01-09")):
        publish(warehouse(mark, rows=20), tmp_path, f"run-{mark}", at=f"{day}T10:00:00+00:00")
    assert snapshots(tmp_path) == ["2026-01-05", "2026-01-06", "2026-01-09"]
    days = ("2026-01-05", "2026-01-06", "2026-01-08", "2026-01-09", "2027-01-01")
    assert [mark_as_of(tmp_path, day) for day in days] == [{0}, {1}, {1}, {2}, {2}]


def test_day_before_first_publication_fails_with_oldest_day(tmp_path):
    with pytest.raises(ConfigurationError, match="nothing was ever published"):
        as_of(tmp_path, "2026-01-04")
    publish(warehouse(1, rows=20), tmp_path, "run-1", at="2026-01-05T10:00:00+00:00")
    with pytest.raises(ConfigurationError, match="the oldest gold is of 2026-01-05"):
        as_of(tmp_path, "2026-01-04")


def test_snapshot_of_a_day_is_its_last_publication(tmp_path):
    publish(warehouse(1, rows=20), tmp_path, "run-1", at="2026-01-05T10:00:00+00:00")
    publish(warehouse(2, rows=20), tmp_path, "run-2", at="2026-01-05T11:00:00+00:00")
    publish(warehouse(3, rows=20), tmp_path, "run-3", at="2026-01-06T11:00:00+00:00")
    assert snapshots(tmp_path) == ["2026-01-05", "2026-01-06"]
    assert mark_as_of(tmp_path, "2026-01-05") == {2}
    folders = sorted(found.name for found in (gold_of(tmp_path) / "_history" / "_versions").iterdir())
    assert folders == ["run-2", "run-3"]


def test_day_of_publication_is_the_utc_day(tmp_path):
    publish(warehouse(1, rows=20), tmp_path, "run-1", at="2026-01-05T22:00:00-03:00")
    assert snapshots(tmp_path) == ["2026-01-06"]


def clones(folder: Path) -> bool:
    """Whether the file system copies on write."""
    (folder / "one").write_bytes(b"1")
    with (folder / "one").open("rb") as one, (folder / "two").open("wb") as two, suppress(OSError):
        fcntl.ioctl(two, FICLONE, one.fileno())
        return True
    return False


def test_snapshot_shares_bytes_and_outlives_its_version(tmp_path):
    for mark in range(4):
        publish(warehouse(mark, rows=20), tmp_path, f"run-{mark}", at=f"2026-01-0{mark + 1}")
    version = gold_of(tmp_path) / "_versions" / "run-3" / "classified_reports.parquet"
    snapshot = gold_of(tmp_path) / "_history" / "2026-01-04" / "classified_reports.parquet"
    assert version.samefile(snapshot) != clones(tmp_path)
    assert not (gold_of(tmp_path) / "_versions" / "run-0").exists()
    assert mark_as_of(tmp_path, "2026-01-01") == {0}


@pytest.mark.parametrize("name", ["Thumbs.db", "20260105", "2026-W01-1", ".2026-01-05.next", "2026-02-30"])
def test_only_names_of_days_are_snapshots(tmp_path, name):
    for found in ("2026-01-05", name):
        (tmp_path / found).mkdir()
    (tmp_path / "2026-01-06").write_bytes(b"")
    assert days_of(tmp_path) == {date(2026, 1, 5)}


def test_history_of_400_days_follows_retention(tmp_path):
    publish(warehouse(1, rows=20), tmp_path, "run-1", at="2027-06-01")
    places = Places(OIL.contract, tmp_path, shelf_in(tmp_path).home, "cda")
    days = [date(2025, 12, 1) + timedelta(days=day) for day in range(400)]
    current = places.history_versions / "run-1"
    for day in days:
        folder = places.history_versions / f"run-of-{day}"
        folder.mkdir()
        for file in current.iterdir():
            (folder / file.name).hardlink_to(file)
        manifest = json.loads((folder / "_manifest.json").read_text()) | {"run_id": f"run-of-{day}"}
        (folder / "_manifest.json").unlink()
        (folder / "_manifest.json").write_text(json.dumps(manifest))
        (places.history / day.isoformat()).symlink_to(f"_versions/run-of-{day}")
        if day.day % 10 == 0:
            apply_retention(places)
    apply_retention(places)
    decided = retention([*days, date(2027, 6, 1)])
    assert snapshots(tmp_path) == [day.isoformat() for day in decided.kept]
    assert sorted(found.name for found in places.archive.iterdir()) == [day.isoformat() for day in decided.archived]
    assert len(list(places.history_versions.iterdir())) == len(decided.kept)
    for day in decided.archived + decided.kept[:-1]:
        assert read_whole(as_of(tmp_path, day.isoformat()))["run_id"] == f"run-of-{day}"

    before = sorted(tmp_path.rglob("*"))
    apply_retention(places)
    assert sorted(tmp_path.rglob("*")) == before
