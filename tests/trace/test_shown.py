"""Test that pages show the newest publication once it is prepared, and read it whole whatever a run removes."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from tests.support.small_warehouse import gold_of, publish, warehouse

from tribolake.lake.objects import FolderObjects, Objects
from tribolake.lake.replicas import open_objects
from tribolake.oil.product import OIL
from tribolake.settings import Settings
from tribolake.trace import shown as shown_publications
from tribolake.trace.manifests import current_publication
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.published_rows import files_of_tables, published_rows
from tribolake.trace.shown import ShownPublications, end_shown, pin_shown

PATIENCE_SECONDS = 30
NAMES = tuple(files_of_tables(OIL.contract).values())
Blocked = tuple[Callable[[Objects], None], Event]


@pytest.fixture
def lake(settings: Settings) -> Settings:
    settings.lake.mkdir()
    publish_run(settings, 1)
    return settings


def publish_run(settings: Settings, number: int) -> None:
    publish(warehouse(number, rows=20), settings.lake, f"run-{number}", f"2026-02-0{number}")


def run_of(pinned: PinnedObjects) -> str:
    publication = current_publication(pinned, "cda")
    assert publication
    return publication.run_id


def marks(pinned: PinnedObjects) -> list[int]:
    """What each table that can be read has, `_rejected` included."""
    queries = (f"select distinct mark from {name}" for name in files_of_tables(OIL.contract))
    return sorted({row["mark"] for query in queries for row in published_rows(OIL.contract, pinned, query)})


def wait_for(shown: ShownPublications, lake: Settings, run_id: str) -> None:
    """Pin until a run is shown."""
    for _ in range(PATIENCE_SECONDS * 10):
        if run_of(shown.pin(open_objects(lake))) == run_id:
            return
    pytest.fail(f"{run_id} is not shown")


@pytest.fixture
def blocked() -> Blocked:
    """A preparation that lasts until its event is set, except the first one."""
    ends, runs = Event(), iter([True])

    def prepare(_: Objects) -> None:
        assert next(runs, False) or ends.wait(PATIENCE_SECONDS)

    return prepare, ends


def test_page_shows_the_former_publication_meanwhile(lake: Settings, blocked: Blocked):
    prepare, ends = blocked
    shown = ShownPublications(NAMES, prepare)
    assert run_of(shown.pin(open_objects(lake))) == "run-1"
    publish_run(lake, 2)
    assert [run_of(shown.pin(open_objects(lake))) for _ in range(3)] == ["run-1"] * 3
    ends.set()
    wait_for(shown, lake, "run-2")


def test_page_waits_for_a_short_preparation(lake: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shown_publications, "MOST_WAIT_SECONDS", PATIENCE_SECONDS)
    shown = ShownPublications(NAMES, lambda _: None)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    assert run_of(shown.pin(open_objects(lake))) == "run-2"


def test_first_page_after_a_quiet_time_waits_for_the_newest(lake: Settings, monkeypatch: pytest.MonkeyPatch):
    """Given that nobody asked for a while, what was shown last may be yesterday's."""
    monkeypatch.setattr(shown_publications, "RECENT_SECONDS", 0.0)
    monkeypatch.setattr(shown_publications, "MOST_WAIT_SECONDS", 0.0)
    shown = ShownPublications(NAMES, lambda _: None)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    assert run_of(shown.pin(open_objects(lake))) == "run-2"


def test_publication_that_is_removed_is_read_whole(lake: Settings, blocked: Blocked):
    """Given two publications while one is prepared, the one that is shown is removed from the lake."""
    prepare, ends = blocked
    shown = ShownPublications(NAMES, prepare)
    before = shown.pin(open_objects(lake))
    for number in (2, 3):
        publish_run(lake, number)
    assert not (gold_of(lake.lake) / "_versions" / "run-1").exists()
    for pinned in (before, shown.pin(open_objects(lake))):
        assert (run_of(pinned), marks(pinned)) == ("run-1", [1])
    ends.set()
    wait_for(shown, lake, "run-3")
    assert marks(before) == [1]


class Overtaking(FolderObjects):
    """A lake in which two runs publish while the first file is copied."""

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        gold = gold_of(self.root)
        if not (gold / "_versions" / "run-3").exists():
            for number in (2, 3):
                publish(warehouse(number, rows=20), self.root, f"run-{number}", f"2026-02-0{number}")
        return super().fetch(key, sha256)


def test_publication_that_is_replaced_while_it_is_copied_is_not_shown(lake: Settings):
    pinned = ShownPublications(NAMES, lambda _: None).pin(Overtaking(lake.lake, lake.prefix))
    assert (run_of(pinned), marks(pinned)) == ("run-3", [3])


def test_copies_are_removed_with_their_last_reader(lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    shown = ShownPublications(NAMES, lambda _: None)
    before = shown.pin(open_objects(lake))
    publish_run(lake, 2)
    wait_for(shown, lake, "run-2")
    assert len(list(folder.iterdir())) == 2
    del before
    gc.collect()
    assert len(list(folder.iterdir())) == 1
    del shown
    gc.collect()
    assert list(folder.iterdir()) == []


def test_file_that_its_manifest_does_not_name_is_not_copied(lake: Settings):
    """Given a damaged file, pages read the lake's own: they see it as soon as it is repaired."""
    file = gold_of(lake.lake) / "_versions" / "run-1" / "results.parquet"
    right = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    shown = ShownPublications(NAMES, lambda _: None)
    assert shown.pin(open_objects(lake)).fetch(f"oil-analysis/gold/cda/_versions/run-1/{file.name}") == file
    file.write_bytes(right)
    assert marks(shown.pin(open_objects(lake))) == [1]


def test_copies_that_have_no_room_are_left_out(lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    assert marks(ShownPublications(NAMES, lambda _: None).pin(open_objects(lake))) == [1]


def test_failed_preparation_keeps_no_page_back(lake: Settings):
    def fail(_: Objects) -> None:
        raise OSError("the disk is gone")

    shown = ShownPublications(NAMES, fail)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    wait_for(shown, lake, "run-2")


def test_lake_that_cannot_be_reached_shows_what_was_shown_last(lake: Settings):
    assert not pin_shown(lake, NAMES).is_cut_off
    away = lake.lake.with_name("away")
    lake.lake.rename(away)
    pinned = pin_shown(lake, NAMES)
    assert (pinned.is_cut_off, run_of(pinned), marks(pinned)) == (True, "run-1", [1])
    shutil.move(away, lake.lake)
    assert not pin_shown(lake, NAMES).is_cut_off


def test_copies_are_removed_when_a_server_ends(lake: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    pinned = pin_shown(lake, NAMES)  # as a request that has not ended
    assert len(list(folder.iterdir())) == 1
    end_shown()
    assert list(folder.iterdir()) == []
    del pinned
