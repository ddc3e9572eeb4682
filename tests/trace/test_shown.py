"""Test that pages show the newest publication once it is prepared, and do not wait for it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Timer

import pytest
from tests.support.small_warehouse import publish, warehouse

from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.settings import Settings
from tribolake.trace.manifests import current_publication
from tribolake.trace.pinned import PinnedObjects
from tribolake.trace.shown import ShownPublications

PATIENCE_SECONDS = 30


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


def wait_for(shown: ShownPublications, lake: Settings, run_id: str) -> None:
    """Pin until a run is shown."""
    for _ in range(PATIENCE_SECONDS * 5):
        if run_of(shown.pin(open_objects(lake))) == run_id:
            return
    pytest.fail(f"{run_id} is not shown")


@pytest.fixture
def blocked() -> tuple[Callable[[Objects], None], Event]:
    """A preparation that lasts until its event is set."""
    ends = Event()

    def prepare(_: Objects) -> None:
        assert ends.wait(PATIENCE_SECONDS)

    return prepare, ends


def test_page_shows_the_former_publication_meanwhile(lake: Settings, blocked: tuple[Callable[[Objects], None], Event]):
    prepare, ends = blocked
    shown = ShownPublications(prepare)
    assert run_of(shown.pin(open_objects(lake))) == "run-1"
    publish_run(lake, 2)
    assert [run_of(shown.pin(open_objects(lake))) for _ in range(3)] == ["run-1"] * 3
    ends.set()
    wait_for(shown, lake, "run-2")


def test_page_waits_for_a_short_preparation(lake: Settings):
    shown = ShownPublications(lambda _: None)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    wait_for(shown, lake, "run-2")


def test_page_waits_if_the_files_that_it_showed_are_gone(
    lake: Settings, blocked: tuple[Callable[[Objects], None], Event]
):
    """Given two publications while one is prepared, the one that was shown is removed from the lake."""
    prepare, ends = blocked
    shown = ShownPublications(prepare)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    assert run_of(shown.pin(open_objects(lake))) == "run-1"
    publish_run(lake, 3)
    Timer(0.5, ends.set).start()
    assert run_of(shown.pin(open_objects(lake))) == "run-2"
    wait_for(shown, lake, "run-3")


def test_page_does_not_wait_for_ever(
    lake: Settings, blocked: tuple[Callable[[Objects], None], Event], monkeypatch: pytest.MonkeyPatch
):
    prepare, ends = blocked
    monkeypatch.setattr("tribolake.trace.shown.LONGEST_WAIT_SECONDS", 0.2)
    shown = ShownPublications(prepare)
    shown.pin(open_objects(lake))
    for number in (2, 3):
        publish_run(lake, number)
        last = run_of(shown.pin(open_objects(lake)))
    ends.set()
    assert last == "run-3"


def test_failed_preparation_keeps_no_page_back(lake: Settings):
    def fail(_: Objects) -> None:
        raise OSError("the disk is gone")

    shown = ShownPublications(fail)
    shown.pin(open_objects(lake))
    publish_run(lake, 2)
    wait_for(shown, lake, "run-2")
