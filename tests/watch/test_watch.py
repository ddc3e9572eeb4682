"""Parts of the watcher: complete files, wake-ups, waiting times and the heartbeat."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import resource
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
from tribolake.watch.completeness import FileStamp, SettleTimes, Sighting, update_sightings
from tribolake.watch.event_source import QueueState
from tribolake.watch.events import FolderEvents
from tribolake.watch.heartbeat import FILE_NAME, Heartbeat, LastRun, read_heartbeat, write_heartbeat
from tribolake.watch.wakeup import Wakeup, stop_requests, wait_for_any

TIMES = SettleTimes(settle_seconds=0.4, max_wait_seconds=5)
MOMENT = datetime(2026, 1, 31, tzinfo=UTC)


def stamp(size: int) -> FileStamp:
    return size, MOMENT


def at_rest(_: str) -> bool:
    return True


def busy(_: str) -> bool:
    return False


def follow(listings: list[tuple[float, dict[str, FileStamp]]], is_at_rest=at_rest) -> dict[str, Sighting]:
    known: dict[str, Sighting] = {}
    for now, listed in listings:
        known = update_sightings(known, listed, now, TIMES, is_at_rest)
    return known


def test_growing_file_is_complete_after_the_settle_time():
    growing = [(i * 0.3, {"a": stamp(i)}) for i in range(10)]
    assert not follow(growing)["a"].is_complete
    assert not follow([*growing, (3.0, {"a": stamp(9)})])["a"].is_complete
    assert follow([*growing, (3.2, {"a": stamp(9)})])["a"].is_complete


def test_busy_file_is_complete_after_the_longest_wait():
    assert not follow([(0, {"a": stamp(1)}), (4.9, {"a": stamp(1)})], busy)["a"].is_complete
    assert follow([(0, {"a": stamp(1)}), (5.0, {"a": stamp(1)})], busy)["a"].is_complete


def test_complete_file_that_changes_waits_again():
    complete = [(0, {"a": stamp(1)}), (1, {"a": stamp(1)})]
    assert follow(complete)["a"].is_complete
    assert not follow([*complete, (2, {"a": stamp(2)})])["a"].is_complete


def test_file_that_returns_waits_from_the_start():
    gone = [(0, {"a": stamp(1)}), (1, {"a": stamp(1)}), (2, {})]
    assert follow(gone) == {}
    assert not follow([*gone, (3, {"a": stamp(1)})])["a"].is_complete


sizes = st.none() | st.integers(0, 2)  # None: the file is not in the listing
pauses = st.floats(0.01, 1)


@given(st.lists(st.tuples(pauses, sizes), max_size=30))
def test_file_at_rest_is_complete_after_equal_listings(looks):
    now, listings = 0.0, []
    for pause, size in looks:
        now += pause
        listings.append((now, {} if size is None else {"a": stamp(size)}))
    same_since = None
    for moment, listed in reversed(listings):
        if not listed or listed != listings[-1][1]:
            break
        same_since = moment
    expected = same_since is not None and now - same_since >= TIMES.settle_seconds
    sighting = follow(listings).get("a")
    assert (sighting is not None and sighting.is_complete) == expected


@given(st.lists(st.tuples(pauses, sizes, sizes), max_size=20))
def test_sighting_does_not_depend_on_other_files(looks):
    now, both, alone = 0.0, [], []
    for pause, first, second in looks:
        now += pause
        listed = {key: stamp(size) for key, size in (("a", first), ("b", second)) if size is not None}
        both.append((now, listed))
        alone.append((now, {key: value for key, value in listed.items() if key == "a"}))
    assert follow(both).get("a") == follow(alone).get("a")


def test_file_open_for_writing_is_not_at_rest(tmp_path: Path):
    path = tmp_path / "copy.xlsx"
    with path.open("wb") as writing:
        writing.write(b"half")
        writing.flush()
        assert not is_at_rest(path)
    assert is_at_rest(path)
    with path.open("rb"):
        assert is_at_rest(path)  # readers do not matter


def test_missing_file_is_not_at_rest(tmp_path: Path):
    assert not is_at_rest(tmp_path / "gone.xlsx")


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    wakeup = Wakeup()
    yield wakeup
    wakeup.close()


def wakes(wakeup: Wakeup, within: float) -> bool:
    ready = wait_for_any([wakeup], within)
    wakeup.clear()
    return bool(ready)


def test_wakeup_after_many_calls_is_cleared_at_once(wakeup: Wakeup):
    for _ in range(100_000):  # more than a pipe holds
        wakeup.wake()
    assert wakes(wakeup, 0)
    assert not wakes(wakeup, 0)


def test_signal_ends_the_wait_but_not_the_process(wakeup: Wakeup):
    with stop_requests(wakeup, [signal.SIGUSR1]) as asked:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert wakes(wakeup, 5)
        assert asked.count == 1


def test_process_with_many_open_files_waits_as_others_do():
    """`select.select` refuses descriptors from 1024 on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    reading, writing = os.pipe()
    try:
        high = fcntl.fcntl(reading, fcntl.F_DUPFD, 1024)
        try:
            assert wait_for_any([high], 0) == []
            os.write(writing, b"!")
            assert wait_for_any([high], 5) == [high]
        finally:
            os.close(high)
    finally:
        os.close(reading)
        os.close(writing)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.parametrize("polling", [False, True])
def test_folder_events_wake_for_changes_but_not_for_readers(tmp_path: Path, wakeup: Wakeup, polling: bool):
    bronze = tmp_path / "bronze"
    events = FolderEvents([bronze], polling=polling, wake=wakeup.wake, log=lambda line: None)
    assert not events.keep_watching()  # there is no folder yet
    (bronze / "cda").mkdir(parents=True)
    assert events.keep_watching()
    try:
        assert wakes(wakeup, 0)  # files may have come before
        (bronze / "cda" / "a.xlsx").write_bytes(b"a")
        assert wakes(wakeup, 5)
        while wakes(wakeup, 1.5):  # the last events of the writer
            pass
        (bronze / "cda" / "a.xlsx").read_bytes()
        assert not wakes(wakeup, 1.5)
        (bronze / "cda" / "2026-01-31").mkdir()
        assert wakes(wakeup, 5)
        time.sleep(0.1)
        (bronze / "cda" / "2026-01-31" / "b.xlsx").write_bytes(b"b")
        assert wakes(wakeup, 5)
    finally:
        events.stop()


def test_replaced_folder_is_watched_again(tmp_path: Path, wakeup: Wakeup):
    bronze = tmp_path / "bronze"
    bronze.mkdir()
    events = FolderEvents([bronze], polling=False, wake=wakeup.wake, log=lambda line: None)
    try:
        assert events.keep_watching()
        bronze.rmdir()
        deadline = time.monotonic() + 10
        while events.keep_watching() and time.monotonic() < deadline:
            time.sleep(0.1)
        bronze.mkdir()
        assert events.keep_watching()
        wakes(wakeup, 0)
        (bronze / "a.xlsx").write_bytes(b"a")
        assert wakes(wakeup, 5)
    finally:
        events.stop()


def test_waits_grow_to_a_limit_with_failures():
    """A success resets them."""
    backoff = Backoff()
    waits = [backoff.failed("RunFailed") for _ in range(12)]
    assert 1 <= waits[0] <= 2
    assert waits[5] > waits[0]
    assert max(waits) <= 300
    backoff.succeeded()
    assert backoff.failed("RunFailed") <= 2


def test_busy_lake_is_retried_within_seconds():
    backoff = Backoff()
    assert max(backoff.failed("LakeIsBusy") for _ in range(20)) <= 5


def beat(**changes: object) -> Heartbeat:
    now = datetime.now(UTC)
    last = LastRun(run_id="r", finished_at=now, seconds=1.5, ok=True, problem=None)
    alive = Heartbeat(
        pid=os.getpid(), started_at=now, beat_at=now, state="idle", last_run=last, lag_seconds=0.0, backlog=0
    )
    return dataclasses.replace(alive, **changes)


def test_heartbeat_is_read_as_it_was_written(tmp_path: Path):
    written = beat(state="backing off", backlog=3, lag_seconds=7.5, queue=QueueState("events", 2, "no route"))
    write_heartbeat(tmp_path, written)
    assert read_heartbeat(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_watcher_is_alive_with_process_and_recent_heartbeat():
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
def test_garbage_in_the_heartbeat_file_is_not_a_heartbeat(tmp_path_factory: pytest.TempPathFactory, garbage: bytes):
    folder = tmp_path_factory.mktemp("state")
    (folder / FILE_NAME).write_bytes(garbage)
    assert read_heartbeat(folder) is None


def test_invalid_setting_is_named_in_the_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRIBOLAKE_WATCH_SETTLE_SECONDS", "0")
    with pytest.raises(ConfigurationError, match="TRIBOLAKE_WATCH_SETTLE_SECONDS"):
        load_settings()


WATCH_MANY_FOLDERS = """
import sys, threading
from pathlib import Path
from tribolake.watch.events import FolderEvents

bronze, woken = Path(sys.argv[1]), threading.Event()
events = FolderEvents([bronze], polling=False, wake=woken.set, log=lambda line: print(line, flush=True))
assert events.keep_watching()
(bronze / "later").mkdir()
events.keep_watching()
woken.clear()
(bronze / sys.argv[2] / "new.xlsx").touch()
print("woken" if woken.wait(20) else "not woken")
events.close()
"""


@pytest.mark.parametrize(("most", "folder"), [(3, "client-5"), (7, "later"), (50, "later")])
def test_changes_are_polled_if_the_system_watches_no_more(tmp_path: Path, most: int, folder: str):
    """In a user namespace, which has limits of its own."""
    for number in range(6):
        (tmp_path / f"client-{number}").mkdir()
    limited = f'echo {most} > /proc/sys/user/max_inotify_watches && exec "$@"'
    command = [sys.executable, "-c", WATCH_MANY_FOLDERS, str(tmp_path), folder]
    unshare = ["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here")
    ended = subprocess.run([*unshare, *command], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout.endswith("woken\n") and "not woken" not in ended.stdout, ended.stderr
    assert ("changes are polled" in ended.stdout) == (most < 50)
