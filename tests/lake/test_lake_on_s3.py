"""The safety of a lake on S3: checked transfers, a lease, warehouse checkpoints, and listings that do not grow."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.support.lake_homes import PRODUCT
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import Fault
from tests.support.servers.processes import eventually
from tests.support.servers.server import S3Server, client
from tests.support.small_warehouse import CLIENT, DAY, warehouse

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake import open_lake
from tribolake.lake.bucket import BucketLake
from tribolake.lake.checkpoint import Checkpoint
from tribolake.lake.lease import CLOCK_TICK, Lease
from tribolake.lake.listing import MAX_WHOLE, WholeListing, listing_starts
from tribolake.lake.shared import SharedCustody
from tribolake.lake.store import PART_BYTES, Label, ObjectMissing, ObjectStore, ObjectTooLarge, StoredObject, open_store
from tribolake.oil.product import OIL
from tribolake.publish.contract import MANIFEST
from tribolake.publish.gold import publish_client
from tribolake.publish.in_bucket import BucketShelf
from tribolake.publish.places import Places
from tribolake.publish.retention import WEEKLY
from tribolake.publish.version import ManifestHeader, Version
from tribolake.settings import Settings, load_settings

CLAIMS = "oil-analysis/_state/leases/"
POINTER = "oil-analysis/_state/checkpoint.json"
GOLD = f"{PRODUCT}/gold/{CLIENT}/"
BRONZE = "oil-analysis/bronze/cda/"


@pytest.fixture
def settings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """A function that makes the settings of a lake in a new bucket of a server."""

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
def test_stored_object_is_read_with_its_metadata_and_tags(s3_server, settings_of, content):
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
def test_read_with_a_fault_returns_the_complete_content(proxy, store, fault):
    content = os.urandom(300_000)
    client(proxy.server).put_object(Bucket=store.bucket, Key="foreign", Body=content)  # without SHA-256 as metadata
    proxy.plan.inject(fault, operation="GetObject", seconds=3)
    into = io.BytesIO()
    store.get("foreign", into)
    assert into.getvalue() == content
    assert [each.fault for each in proxy.injured] == [fault]


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, Fault.LATE_REPLY, Fault.DELAY])
def test_write_with_a_fault_stores_the_object_once(proxy, store, operation, fault):
    proxy.plan.inject(fault, operation=operation, seconds=3)
    store.put("new", b"content", is_final=True)
    into = io.BytesIO()
    assert store.get("new", into).size_bytes == 7
    assert into.getvalue() == b"content"
    assert proxy.injured


def test_failed_upload_in_parts_keeps_the_old_object_only(proxy, store):
    store.put("big", b"old")
    proxy.plan.inject(Fault.SLOW_DOWN, operation="CompleteMultipartUpload", times=None)
    with pytest.raises(StoreUnavailable):
        store.put("big", LARGE)
    proxy.plan.calm()
    assert store.read("big")[0] == b"old"
    assert not client(proxy.server).list_multipart_uploads(Bucket=store.bucket).get("Uploads")


def test_final_object_refuses_another_content(moto, settings_of):
    store = open_store(settings_of(moto))
    store.put("version/file", b"first", is_final=True)
    store.put("version/file", b"first", is_final=True)
    with pytest.raises(StoreUnavailable):
        store.put("version/file", b"second", is_final=True)
    assert store.read("version/file")[0] == b"first"


def test_missing_or_too_large_object_raises_its_own_error(s3_server, settings_of):
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


def test_lease_with_many_runs_at_once_has_one_holder(s3_server, settings_of):
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


def is_lost(lease: Lease | SharedCustody) -> bool:
    try:
        lease.assert_lease_held()
    except RunFailed:
        return True
    return False


def only_claim(store: ObjectStore) -> StoredObject:
    (claim,) = store.list(CLAIMS)
    return claim


def test_lease_of_a_dead_run_is_reported_with_its_expiry(moto, settings_of):
    store = open_store(settings_of(moto))
    Lease(store, CLAIMS, 60)._claim()  # never renewed, never given up
    with pytest.raises(LakeIsBusy, match="expires within 60 s"), Lease(store, CLAIMS, 60).hold():
        pass


@pytest.mark.slow
def test_lease_of_a_dead_run_expires(moto, settings_of):
    store = open_store(settings_of(moto))
    Lease(store, CLAIMS, 5)._claim()
    dead = only_claim(store)

    def take() -> bool:
        try:
            with Lease(store, CLAIMS, 60).hold():
                assert only_claim(store).modified_at - dead.modified_at > timedelta(seconds=5)
        except LakeIsBusy:
            return False
        return True

    assert not take()
    assert eventually(take, seconds=60)


@pytest.mark.slow
def test_lease_of_a_live_run_is_renewed_beyond_its_first_claim(moto, settings_of):
    store = open_store(settings_of(moto))
    lease = Lease(store, CLAIMS, 5)
    with lease.hold():
        first = only_claim(store)
        assert eventually(
            lambda: only_claim(store).modified_at - first.modified_at > timedelta(seconds=5) + CLOCK_TICK, seconds=60
        )
        with pytest.raises(LakeIsBusy), Lease(store, CLAIMS, 60).hold():
            pass
        lease.assert_lease_held()


@pytest.mark.parametrize("operation", [None, "PutObject"], ids=["every call", "writes"])
def test_lease_ends_when_the_store_refuses_renewals(proxy, store, operation):
    """Reads still show the old claim. It must not pass for a renewal whose answer was lost."""
    lease = Lease(store, CLAIMS, 5)
    with lease.hold():
        lease.assert_lease_held()
        proxy.plan.inject(Fault.SLOW_DOWN, operation=operation, times=None)
        assert eventually(lambda: is_lost(lease), seconds=15)
        with pytest.raises(RunFailed, match="ran out"):
            lease.assert_lease_held()
        proxy.plan.calm()


def test_renewal_after_expiry_does_not_revive_the_lease(proxy, settings_of):
    lease = Lease(open_store(settings_of(proxy.server, s3_timeout_seconds=20)), CLAIMS, 3)
    with lease.hold():
        arrives = threading.Event()
        proxy.plan.inject(Fault.DELAY, operation="PutObject", until=arrives)
        time.sleep(3.2)  # longer than the lease: another run may hold the lake
        arrives.set()
        assert eventually(lambda: any(one.status == 200 for one in proxy.injured), seconds=15)
        assert not eventually(lambda: not is_lost(lease), seconds=1)


def test_second_claim_after_a_refusal_has_another_key(proxy, settings_of):
    """So a late removal of the first claim cannot remove the second one."""
    store = open_store(settings_of(proxy.server))
    others = f"{CLAIMS}other.60.json"
    client(proxy.server).put_object(Bucket=store.bucket, Key=others, Body=b"{}")

    def other_run_ends(**_: object) -> None:
        client(proxy.server).delete_object(Bucket=store.bucket, Key=others)

    store.client.meta.events.register("before-send.s3.DeleteObject", other_run_ends)
    with Lease(store, CLAIMS, 60).hold():
        removed = {one.request.key for one in proxy.passed if one.request.operation == "DeleteObject"}
        assert len(removed - {others}) == 1
        assert only_claim(store).key not in removed


def test_failed_listing_of_claims_removes_the_own_claim(proxy, store):
    proxy.plan.inject(Fault.SLOW_DOWN, operation="ListObjectsV2", times=None)
    with pytest.raises(StoreUnavailable), Lease(store, CLAIMS, 60).hold():
        pass
    proxy.plan.calm()
    assert list(store.list(CLAIMS)) == []


def test_lease_keeps_spare_time_for_a_request_to_arrive(proxy, settings_of):
    store = open_store(settings_of(proxy.server, s3_timeout_seconds=4))
    assert Lease(store, CLAIMS, 60).spare_seconds == 4
    assert Lease(store, CLAIMS, 3).spare_seconds == 1


def test_write_is_not_repeated_after_the_lease_is_lost(proxy, store):
    def assert_lease_held() -> None:
        if proxy.injured:
            raise RunFailed("lost")

    proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject")
    with pytest.raises(RunFailed):
        store.put("pointer", b"late", before_each=assert_lease_held)
    assert store.head("pointer") is None


def test_checkpoint_restores_the_last_warehouse_on_two_machines(moto, settings_of, tmp_path):
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


@dataclass
class Machine:
    """A machine that runs on a lake."""

    settings: Settings

    def __post_init__(self) -> None:
        self.settings.state.mkdir(exist_ok=True)
        self.store = open_store(self.settings)
        self.custody = SharedCustody(self.store, self.settings)

    def run(self, run_id: str) -> None:
        """Carry out a run with new files."""
        with self.custody.hold():
            self.custody.restore()
            self.write_warehouse(run_id)
            self.custody.save(run_id)

    def write_warehouse(self, run_id: str) -> None:
        """Write a run into the warehouse of this machine."""
        self.settings.warehouse.write_text(run_id)

    def saved_run(self) -> str:
        """Return the run whose warehouse is the lake's checkpoint."""
        pointer, _ = self.store.read(POINTER) or (b"{}", None)
        return json.loads(pointer)["run_id"]


@pytest.fixture
def machines(proxy: FaultyServer, settings_of: Callable[..., Settings], tmp_path: Path) -> tuple[Machine, Machine]:
    """Two machines of one lake. Claims of the first are valid for three seconds."""
    first = settings_of(proxy.server, state_dir=tmp_path / "a", lease_seconds=3)
    other = {"state_dir": tmp_path / "b", "lease_seconds": 60}
    return Machine(first), Machine(first.model_copy(update=other))


def test_checkpoint_stays_when_the_lease_is_lost_during_saving(proxy, machines):
    machine, _ = machines
    machine.run("run-1")

    def lose_the_lease(request: AWSPreparedRequest, **_: object) -> None:
        if "/_state/warehouse/" in request.url:
            assert eventually(lambda: is_lost(machine.custody), seconds=15)

    with machine.custody.hold():
        proxy.plan.inject(Fault.SLOW_DOWN, operation="PutObject", when=lambda one: CLAIMS in one.key, times=None)
        machine.store.client.meta.events.register("before-send.s3.PutObject", lose_the_lease)
        machine.write_warehouse("run-2")
        with pytest.raises(RunFailed):
            machine.custody.save("run-2")
    assert machine.saved_run() == "run-1"


def test_unsaved_warehouse_does_not_replace_a_newer_checkpoint(machines):
    """The run died before it saved its warehouse, and another machine ran after it."""
    first, second = machines
    first.run("run-0")
    first.write_warehouse("run-1")
    assert not first.custody.restore()  # a run without new files: it has to save the warehouse of the run before
    second.run("run-2")
    first.custody.save("run-1")
    assert first.saved_run() == "run-2"
    assert first.settings.warehouse.read_text() == "run-2"


def test_unsaved_warehouse_is_saved_by_the_next_run(machines):
    """The run died before it saved its warehouse, and no other machine ran after it."""
    first, _ = machines
    first.run("run-0")
    first.write_warehouse("run-1")
    first.custody.save("run-1")
    assert first.saved_run() == "run-1"


@dataclass
class ClientShelf:
    """A client's shelf in a bucket, on one machine."""

    store: ObjectStore
    folder: Path

    def __post_init__(self) -> None:
        self.places = Places(OIL.contract, self.folder, self.folder / PRODUCT, CLIENT)

    def open(self, assert_lease_held: Callable[[], None] = lambda: None) -> BucketShelf:
        return BucketShelf(self.store, self.folder, self.folder / PRODUCT, assert_lease_held)

    def publish(self, mark: int, assert_lease_held: Callable[[], None] = lambda: None) -> None:
        """Publish rows with this mark as the run `run-{mark}`."""
        publication = ManifestHeader(f"run-{mark}", "default", DAY)
        assert publish_client(warehouse(mark), OIL.contract, self.open(assert_lease_held), CLIENT, publication, {})

    def version(self, mark: int) -> Version:
        folder = self.places.versions / f"run-{mark}"
        return Version(folder, json.loads((folder / MANIFEST).read_text()))

    def published_run(self) -> str:
        """Return the run that readers see."""
        content, _ = self.store.read(f"{GOLD}{MANIFEST}") or (b"{}", None)
        return json.loads(content)["run_id"]


@pytest.fixture
def shelf(store: ObjectStore, tmp_path: Path) -> ClientShelf:
    return ClientShelf(store, tmp_path / "lake")


def test_readers_see_the_old_run_when_the_lease_is_lost(proxy, shelf):
    """The lease is lost before the manifest is sent again."""

    def assert_lease_held() -> None:
        if proxy.injured:
            raise RunFailed("lost")

    shelf.publish(1)
    proxy.plan.inject(
        Fault.SLOW_DOWN,
        when=lambda one: (one.operation, one.key) == ("PutObject", f"{GOLD}{MANIFEST}"),
    )
    with pytest.raises(RunFailed):
        shelf.publish(2, assert_lease_held)
    assert shelf.published_run() == "run-1"


def test_lease_is_checked_before_each_visible_request(shelf):
    asked, unasked, noticed = False, [], set()

    def assert_lease_held() -> None:
        nonlocal asked
        asked = True

    def sent(request: AWSPreparedRequest, **_: object) -> None:
        nonlocal asked
        key = urlsplit(request.url).path.partition(f"/{shelf.store.bucket}/")[2]
        # Readers do not see the folder of a version that no manifest names yet.
        if request.method in ("PUT", "DELETE") and not (request.method == "PUT" and key.startswith(f"{GOLD}_versions")):
            noticed.add(f"{request.method} {key.removeprefix(GOLD).partition('/')[0]}")
            if not asked:
                unasked.append(key)
            asked = False

    shelf.publish(1)
    shelf.publish(2)
    for week in range(WEEKLY + 1):
        day = date(2020, 1, 1) + timedelta(weeks=week)
        shelf.store.client.put_object(Bucket=shelf.store.bucket, Key=f"{GOLD}_history/{day}/{MANIFEST}", Body=b"{}")
    shelf.store.client.meta.events.register("before-send.s3", sent)
    shelf.publish(3, assert_lease_held)
    assert unasked == []
    assert noticed >= {"PUT _manifest.json", "PUT classified_reports.parquet", "PUT _history", "PUT athena"}
    assert noticed >= {"PUT oil-analysis", "PUT logs", "DELETE _versions", "DELETE _history"}


def test_forget_keeps_a_published_version_unknown_to_the_run(shelf):
    for mark in (1, 2, 3):
        shelf.publish(mark)
    known = shelf.version(2)
    shelf.open().forget(shelf.places, [known])
    assert shelf.published_run() == "run-3"
    left = {stored.key.removeprefix(f"{GOLD}_versions/").partition("/")[0] for stored in shelf.store.list(GOLD)}
    assert {"run-2", "run-3"} <= left


@pytest.mark.slow
def test_large_bronze_is_listed_whole_once_a_day(moto, settings_of):
    """Between these listings only recent folders are listed."""
    settings = settings_of(moto)
    lake = open_lake(settings)
    assert isinstance(lake, BucketLake)
    s3, today = client(moto), datetime.now(UTC).date()
    old = f"{BRONZE}2020-01-01/"

    def put(key: str) -> None:
        s3.put_object(Bucket=settings.s3.bucket, Key=key, Body=b"x")

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


def test_small_or_unknown_bronze_is_listed_whole():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert listing_starts(None, now) is None
    assert listing_starts(WholeListing(now.isoformat(), MAX_WHOLE, ("cda",)), now) is None
    assert listing_starts(WholeListing(now.isoformat(), MAX_WHOLE + 1, ("cda",)), now) == [("cda", "2026-02-15")]
