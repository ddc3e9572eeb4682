"""The watcher's parts: when a file is complete, what wakes it up, and what its heartbeat tells."""

from __future__ import annotations

import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError
from tribolake.lake.rest import is_at_rest
from tribolake.settings import load_settings
from tribolake.watch.backoff import Backoff
from tribolake.watch.bell import Bell, stop_requests
from tribolake.watch.completeness import Patience, Sighting, Version, look_again
from tribolake.watch.events import FolderEvents
from tribolake.watch.heartbeat import FILE_NAME, Heartbeat, LastRun, read_heartbeat, write_heartbeat
from tribolake.watch.sources import QueueState

PATIENCE = Patience(settle_seconds=0.4, max_wait_seconds=5)
MOMENT = datetime(2026, 1, 31, tzinfo=UTC)


def version(size: int) -> Version:
    return size, MOMENT


def at_rest(_: str) -> bool:
    return True


def busy(_: str) -> bool:
    return False


def follow(listings: list[tuple[float, dict[str, Version]]], is_at_rest=at_rest) -> dict[str, Sighting]:
    known: dict[str, Sighting] = {}
    for now, listed in listings:
        known = look_again(known, listed, now, PATIENCE, is_at_rest)
    return known


def test_given_a_file_that_grows_then_it_is_complete_only_after_it_stopped_for_the_settle_time():
    growing = [(i * 0.3, {"a": version(i)}) for i in range(10)]
    assert not follow(growing)["a"].is_complete
    assert not follow([*growing, (3.0, {"a": version(9)})])["a"].is_complete
    assert follow([*growing, (3.2, {"a": version(9)})])["a"].is_complete


def test_given_a_file_that_is_written_or_cannot_be_read_then_it_is_taken_after_the_longest_wait():
    assert not follow([(0, {"a": version(1)}), (4.9, {"a": version(1)})], busy)["a"].is_complete
    assert follow([(0, {"a": version(1)}), (5.0, {"a": version(1)})], busy)["a"].is_complete


def test_given_a_complete_file_that_changes_then_it_waits_again():
    complete = [(0, {"a": version(1)}), (1, {"a": version(1)})]
    assert follow(complete)["a"].is_complete
    assert not follow([*complete, (2, {"a": version(2)})])["a"].is_complete


def test_given_a_file_that_vanishes_then_it_is_forgotten_and_begins_anew_when_it_is_back():
    gone = [(0, {"a": version(1)}), (1, {"a": version(1)}), (2, {})]
    assert follow(gone) == {}
    assert not follow([*gone, (3, {"a": version(1)})])["a"].is_complete


sizes = st.none() | st.integers(0, 2)  # None: the file is not in the listing
pauses = st.floats(0.01, 1)


@given(st.lists(st.tuples(pauses, sizes), max_size=30))
def test_law_a_file_at_rest_is_complete_exactly_when_the_last_listings_agree_for_the_settle_time(looks):
    now, listings = 0.0, []
    for pause, size in looks:
        now += pause
        listings.append((now, {} if size is None else {"a": version(size)}))
    same_since = None
    for moment, listed in reversed(listings):
        if not listed or listed != listings[-1][1]:
            break
        same_since = moment
    expected = same_since is not None and now - same_since >= PATIENCE.settle_seconds
    sighting = follow(listings).get("a")
    assert (sighting is not None and sighting.is_complete) == expected


@given(st.lists(st.tuples(pauses, sizes, sizes), max_size=20))
def test_law_what_is_known_of_a_file_does_not_depend_on_other_files(looks):
    now, both, alone = 0.0, [], []
    for pause, first, second in looks:
        now += pause
        listed = {key: version(size) for key, size in (("a", first), ("b", second)) if size is not None}
        both.append((now, listed))
        alone.append((now, {key: value for key, value in listed.items() if key == "a"}))
    assert follow(both).get("a") == follow(alone).get("a")


def test_given_a_file_open_for_writing_then_it_is_not_at_rest(tmp_path: Path):
    path = tmp_path / "copy.xlsx"
    with path.open("wb") as writing:
        writing.write(b"half")
        writing.flush()
        assert not is_at_rest(path)
    assert is_at_rest(path)
    with path.open("rb"):
        assert is_at_rest(path)  # other readers do not matter


def test_given_a_file_that_is_gone_then_it_is_not_at_rest(tmp_path: Path):
    assert not is_at_rest(tmp_path / "gone.xlsx")


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    yield bell
    bell.close()


def rings(bell: Bell, within: float) -> bool:
    ready, _, _ = select.select([bell], [], [], within)
    bell.silence()
    return bool(ready)


def test_given_many_rings_then_the_bell_is_silenced_at_once(bell: Bell):
    for _ in range(100_000):  # more than a pipe holds
        bell.ring()
    assert rings(bell, 0)
    assert not rings(bell, 0)


def test_given_a_signal_then_the_wait_ends_and_the_process_lives(bell: Bell):
    with stop_requests(bell, [signal.SIGUSR1]) as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert rings(bell, 5)
        assert asked.count == 1


@pytest.mark.parametrize("polling", [False, True])
def test_given_changes_below_a_folder_then_the_bell_rings_but_not_for_readers(
    tmp_path: Path, bell: Bell, polling: bool
):
    bronze = tmp_path / "bronze"
    events = FolderEvents(bronze, polling=polling, ring=bell.ring, log=lambda line: None)
    assert not events.keep_watching()  # there is no folder yet
    (bronze / "cda").mkdir(parents=True)
    assert events.keep_watching()
    try:
        assert rings(bell, 0)  # something may have come before
        (bronze / "cda" / "a.xlsx").write_bytes(b"a")
        assert rings(bell, 5)
        while rings(bell, 1.5):  # the last events of the writer
            pass
        (bronze / "cda" / "a.xlsx").read_bytes()
        assert not rings(bell, 1.5)
        (bronze / "cda" / "2026-01-31").mkdir()
        assert rings(bell, 5)
        time.sleep(0.1)
        (bronze / "cda" / "2026-01-31" / "b.xlsx").write_bytes(b"b")
        assert rings(bell, 5)
    finally:
        events.stop()


def test_given_a_folder_that_was_replaced_then_it_is_watched_again(tmp_path: Path, bell: Bell):
    bronze = tmp_path / "bronze"
    bronze.mkdir()
    events = FolderEvents(bronze, polling=False, ring=bell.ring, log=lambda line: None)
    try:
        assert events.keep_watching()
        bronze.rmdir()
        deadline = time.monotonic() + 10
        while events.keep_watching() and time.monotonic() < deadline:
            time.sleep(0.1)
        bronze.mkdir()
        assert events.keep_watching()
        rings(bell, 0)
        (bronze / "a.xlsx").write_bytes(b"a")
        assert rings(bell, 5)
    finally:
        events.stop()


def test_given_failures_in_a_row_then_waits_grow_to_a_limit_and_start_small_after_a_success():
    backoff = Backoff()
    waits = [backoff.failed("RunFailed") for _ in range(12)]
    assert 1 <= waits[0] <= 2
    assert waits[5] > waits[0]
    assert max(waits) <= 300
    backoff.succeeded()
    assert backoff.failed("RunFailed") <= 2


def test_given_a_busy_lake_then_it_is_tried_again_within_seconds():
    backoff = Backoff()
    assert max(backoff.failed("LakeIsBusy") for _ in range(20)) <= 5


def beat(**changes: object) -> Heartbeat:
    now = datetime.now(UTC)
    last = LastRun(run_id="r", finished_at=now, seconds=1.5, ok=True, problem=None)
    alive = Heartbeat(
        pid=os.getpid(), started_at=now, beat_at=now, state="idle", last_run=last, lag_seconds=0.0, backlog=0
    )
    return dataclasses.replace(alive, **changes)


def test_a_heartbeat_is_read_as_it_was_written(tmp_path: Path):
    written = beat(state="backing off", backlog=3, lag_seconds=7.5, queue=QueueState("events", 2, "no route"))
    write_heartbeat(tmp_path, written)
    assert read_heartbeat(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_watcher_is_alive_while_its_process_exists_and_it_spoke_lately():
    now = datetime.now(UTC)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert beat().is_alive(now)
    assert not beat(state="stopped").is_alive(now)
    assert not beat(beat_at=now - timedelta(hours=1)).is_alive(now)
    assert not beat(pid=gone.pid).is_alive(now)


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.dictionaries(st.sampled_from(
        [field.name for field in dataclasses.fields(Heartbeat)]), inner, max_size=7), max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_law_garbage_in_the_heartbeat_file_is_no_heartbeat(tmp_path_factory: pytest.TempPathFactory, garbage: bytes):
    folder = tmp_path_factory.mktemp("state")
    (folder / FILE_NAME).write_bytes(garbage)
    assert read_heartbeat(folder) is None


def test_given_a_setting_that_makes_no_sense_then_the_error_names_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRIBOLAKE_WATCH_SETTLE_SECONDS", "0")
    with pytest.raises(ConfigurationError, match="TRIBOLAKE_WATCH_SETTLE_SECONDS"):
        load_settings()
