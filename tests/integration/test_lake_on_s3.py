"""What keeps a lake on S3 safe: checked transfers, a lease, a warehouse that travels, listings that do not grow."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.s3_fixtures import new_buckets
from tests.servers.faults import FaultyServer
from tests.servers.plan import Fault
from tests.servers.server import S3Server, client

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake import open_lake
from tribolake.lake.bucket import BucketLake
from tribolake.lake.checkpoint import Checkpoint
from tribolake.lake.lease import Lease
from tribolake.lake.listing import MAX_WHOLE, WholeListing, starts
from tribolake.lake.store import PART_BYTES, Label, ObjectMissing, ObjectStore, ObjectTooLarge, open_store
from tribolake.settings import Settings, load_settings

CLAIMS = "oil-analysis/_state/leases/"
BRONZE = "oil-analysis/bronze/cda/"


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Makes the settings of a lake in a new bucket of a server."""

    def make(server: S3Server, **options: object) -> Settings:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        flags = {"state_dir": tmp_path / "state", "s3_timeout_seconds": 2, "s3_attempts": 4} | options
        return load_settings(
            lake=f"s3://{new_buckets(server).lake}", s3_endpoint=server.endpoint, aws_region=server.region, **flags
        )

    return make


@pytest.fixture
def proxy(moto: S3Server, faulty: Callable[[S3Server], FaultyServer]) -> FaultyServer:
    return faulty(moto)


@pytest.fixture
def store(proxy: FaultyServer, settings_of: Callable[..., Settings]) -> ObjectStore:
    """A bucket behind the proxy."""
    return open_store(settings_of(proxy.server))


LARGE = os.urandom(PART_BYTES + 12345)


@pytest.mark.parametrize("content", [b"", b"x", LARGE], ids=["empty", "one byte", "in parts"])
def test_given_an_object_then_it_comes_back_with_what_it_carries(s3_server, settings_of, content):
    store = open_store(settings_of(s3_server))
    label = Label({"run-id": "r-1", "sources": "bronze/ñ +.xlsx@v1"}, {"run-id": "r-1", "where": "a b+c/d@e"})
    stored = store.put("folder/ñ + 100%.bin", content, label)
    into = io.BytesIO()
    found = store.get("folder/ñ + 100%.bin", into)
    assert into.getvalue() == content
    assert found.version_id == stored.version_id is not None
    assert found.metadata["run-id"] == "r-1"
    assert found.metadata["sources"].isascii()
    assert store.tags("folder/ñ + 100%.bin") == label.tags
    assert [each.key for each in store.list("folder/")] == ["folder/ñ + 100%.bin"]


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.TRUNCATE, Fault.CORRUPT, Fault.LATE_REPLY])
def test_given_a_fault_while_reading_then_the_content_is_whole_all_the_same(proxy, store, fault):
    content = os.urandom(300_000)
    client(proxy.server).put_object(Bucket=store.bucket, Key="foreign", Body=content)  # nobody noted its SHA-256
    proxy.plan.inject(fault, operation="GetObject", seconds=3)
    into = io.BytesIO()
    store.get("foreign", into)
    assert into.getvalue() == content
    assert [each.fault for each in proxy.injured] == [fault]


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, Fault.LATE_REPLY, Fault.DELAY])
def test_given_a_fault_while_writing_then_the_object_is_there_once(proxy, store, operation, fault):
    proxy.plan.inject(fault, operation=operation, seconds=3)
    store.put("new", b"content", is_final=True)
    into = io.BytesIO()
    assert store.get("new", into).size_bytes == 7
    assert into.getvalue() == b"content"
    assert proxy.injured


def test_given_an_upload_in_parts_that_fails_then_no_part_is_left_and_the_old_object_stands(proxy, store):
    store.put("big", b"old")
    proxy.plan.inject(Fault.SLOW_DOWN, operation="CompleteMultipartUpload", times=None)
    with pytest.raises(StoreUnavailable):
        store.put("big", LARGE)
    proxy.plan.calm()
    assert store.read("big")[0] == b"old"
    assert not client(proxy.server).list_multipart_uploads(Bucket=store.bucket).get("Uploads")


def test_given_an_object_that_must_not_change_then_another_content_is_refused(moto, settings_of):
    store = open_store(settings_of(moto))
    store.put("version/file", b"first", is_final=True)
    store.put("version/file", b"first", is_final=True)
    with pytest.raises(StoreUnavailable):
        store.put("version/file", b"second", is_final=True)
    assert store.read("version/file")[0] == b"first"


def test_given_what_is_not_there_or_too_large_or_not_allowed_then_the_error_says_so(s3_server, settings_of):
    settings = settings_of(s3_server)
    store = open_store(settings)
    store.put("large", b"x" * 1000)
    with pytest.raises(ObjectTooLarge, match="1000"):
        store.get("large", io.BytesIO(), max_bytes=999)
    with pytest.raises(ObjectMissing):
        store.get("nothing", io.BytesIO())
    assert store.head("nothing") is None
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        ObjectStore("no-such-bucket-anywhere", client(s3_server), 3).put("k", b"")


def test_given_many_runs_at_once_then_never_two_have_the_lake(s3_server, settings_of):
    store = open_store(settings_of(s3_server))
    holders, most, had_it = 0, 0, 0
    counting = threading.Lock()

    def try_to_run(_: int) -> None:
        nonlocal holders, most, had_it
        try:
            with Lease(store, CLAIMS, 30).hold():
                with counting:
                    holders, had_it = holders + 1, had_it + 1
                    most = max(most, holders)
                time.sleep(0.05)
                with counting:
                    holders -= 1
        except LakeIsBusy:
            return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(try_to_run, range(24)))
    assert most == 1
    assert had_it >= 1
    assert list(store.list(CLAIMS)) == []


@pytest.mark.slow
def test_given_a_run_that_died_then_its_lease_expires_and_a_live_one_is_renewed(moto, settings_of):
    store = open_store(settings_of(moto))
    dead = Lease(store, CLAIMS, 1)
    dead._claim()  # and nobody renews it, nor gives it up
    with pytest.raises(LakeIsBusy, match="expires within 1 s"), Lease(store, CLAIMS, 1).hold():
        pass
    time.sleep(4)
    with Lease(store, CLAIMS, 1).hold():
        time.sleep(4)  # much longer than a claim is good for
        with pytest.raises(LakeIsBusy), Lease(store, CLAIMS, 1).hold():
            pass


def test_given_a_store_that_does_not_answer_then_the_run_learns_that_its_lease_is_over(proxy, store):
    lease = Lease(store, CLAIMS, 1)
    with lease.hold():
        lease.still_mine()
        proxy.plan.inject(Fault.SLOW_DOWN, times=None)
        time.sleep(1.5)
        with pytest.raises(RunFailed, match="ran out"):
            lease.still_mine()
        proxy.plan.calm()


def test_given_two_machines_then_the_warehouse_of_the_last_run_is_on_both(moto, settings_of, tmp_path):
    store = open_store(settings_of(moto))

    def machine(name: str) -> Checkpoint:
        state = tmp_path / name
        state.mkdir(exist_ok=True)
        return Checkpoint(store, "oil-analysis", state, state / "warehouse.duckdb")

    first, second = machine("first"), machine("second")
    assert not first.restore()
    first.warehouse.write_bytes(b"run 1")
    (first.state / "notified.json").write_text("told")
    first.save("run-1")
    assert second.restore()
    assert not second.restore()
    assert (second.warehouse.read_bytes(), (second.state / "notified.json").read_text()) == (b"run 1", "told")
    for number in range(2, 6):
        second.warehouse.write_bytes(b"run %d" % number)
        second.save(f"run-{number}")
    first.warehouse.write_bytes(b"a run that was killed before it could hand over")
    assert first.restore()
    assert first.warehouse.read_bytes() == b"run 5"
    kept = [stored.key for stored in store.list("oil-analysis/_state/warehouse/")]
    assert [key.rpartition("/")[2].partition(".")[0] for key in kept] == ["run-4", "run-5"]


@pytest.mark.slow
def test_given_thousands_of_old_files_then_only_recent_folders_are_listed_until_the_next_day(moto, settings_of):
    settings = settings_of(moto)
    lake = open_lake(settings)
    assert isinstance(lake, BucketLake)
    s3, today = client(moto), datetime.now(UTC).date()
    old = f"{BRONZE}2020-01-01/"

    def put(key: str) -> None:
        s3.put_object(Bucket=settings.s3_bucket, Key=key, Body=b"x")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put, [f"{old}{number:05}.tmp" for number in range(MAX_WHOLE + 1)]))

    def list_it(**how: bool) -> tuple[list[str], int]:
        before = lake.store.calls["ListObjectsV2"]
        names = [file.key.rpartition("/")[2] for file in lake.list_bronze(**how)]
        return names, lake.store.calls["ListObjectsV2"] - before

    assert list_it() == ([], 3)
    for name in (f"{today}/new.xlsx", "beside the folders.xlsx", "2020-01-01/late.xlsx"):
        put(f"{BRONZE}{name}")
    assert list_it() == (["new.xlsx", "beside the folders.xlsx"], 1)
    assert list_it(whole=True) == (["late.xlsx", "new.xlsx", "beside the folders.xlsx"], 3)
    put(f"{BRONZE}2020-01-01/later.xlsx")
    known = json.loads((settings.state / "listing.json").read_text())
    yesterday = datetime.fromisoformat(known["listed_at"]) - timedelta(days=1, seconds=1)
    (settings.state / "listing.json").write_text(json.dumps(known | {"listed_at": yesterday.isoformat()}))
    assert "later.xlsx" in list_it()[0]


def test_given_a_small_or_unknown_bronze_then_it_is_listed_whole():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert starts(None, now) is None
    assert starts(WholeListing(now.isoformat(), MAX_WHOLE, ("cda",)), now) is None
    assert starts(WholeListing(now.isoformat(), MAX_WHOLE + 1, ("cda",)), now) == [("cda", "2026-02-15")]
