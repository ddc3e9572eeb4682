"""Publishing in a bucket."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest
from tests.support.lake_homes import PRODUCT
from tests.support.servers.plan import Fault
from tests.support.small_warehouse import CLIENT, DAY, warehouse

from tribolake.errors import RunFailed
from tribolake.lake.store import ObjectStore
from tribolake.oil.product import OIL
from tribolake.publish.contract import MANIFEST
from tribolake.publish.gold import Outcome, publish_client
from tribolake.publish.in_bucket import BucketShelf
from tribolake.publish.places import Places
from tribolake.publish.retention import WEEKLY
from tribolake.publish.version import ManifestHeader, Version

GOLD = f"{PRODUCT}/gold/{CLIENT}/"


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
        assert publish_client(
            warehouse(mark), OIL.contract, self.open(assert_lease_held), CLIENT, publication, {}
        ).changed

    def publish_again(self, run_id: str) -> Outcome:
        """Publish the rows of `publish(1)` by another run."""
        return publish_client(
            warehouse(1), OIL.contract, self.open(), CLIENT, ManifestHeader(run_id, "default", DAY), {}
        )

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


def test_published_manifest_is_stored_after_every_published_name(shelf):
    stored: list[str] = []

    def sent(request: AWSPreparedRequest, **_: object) -> None:
        key = urlsplit(request.url).path.partition(f"/{shelf.store.bucket}/")[2]
        if request.method == "PUT" and key.startswith(GOLD):
            stored.append(key.removeprefix(GOLD))

    shelf.store.client.meta.events.register("before-send.s3", sent)
    shelf.publish(1)
    names = [table.file_name for table in OIL.contract.tables]
    before = stored[: stored.index(MANIFEST)]
    assert {*names, *(f"_versions/run-1/{name}" for name in (*names, MANIFEST))} <= set(before)


def damaged(shelf: ClientShelf, key: str, content: bytes = b"{") -> None:
    """Write as another program, which notes no SHA-256."""
    shelf.store.client.put_object(Bucket=shelf.store.bucket, Key=f"{GOLD}{key}", Body=content)


@pytest.mark.parametrize(
    ("key", "machine"),
    [
        pytest.param("classified_reports.parquet", "same", marks=pytest.mark.slow),
        (MANIFEST, "same"),
        ("_versions/run-1/classified_reports.parquet", "other"),
    ],
)
def test_altered_object_is_published_again(shelf, key, machine, tmp_path):
    shelf.publish(1)
    before, _ = shelf.store.read(f"{GOLD}classified_reports.parquet") or (b"", None)
    damaged(shelf, key)
    if machine == "other":
        shelf = ClientShelf(shelf.store, tmp_path / "other")
    outcome = shelf.publish_again("run-2")
    assert outcome.changed
    assert [one.key for one in outcome.differences] == [f"{GOLD}{key}"]
    assert (shelf.store.read(outcome.differences[0].kept or "") or (b"", None))[0] == b"{"
    assert shelf.published_run() == "run-2"
    for folder in ("", "_versions/run-1/", "_versions/run-2/", f"_history/{DAY[:10]}/"):
        assert (shelf.store.read(f"{GOLD}{folder}classified_reports.parquet") or (b"", None))[0] == before
    assert not shelf.publish_again("run-3").changed


def test_missing_object_comes_back(shelf):
    shelf.publish(1)
    names = [f"{GOLD}{name}" for name in ("", "_versions/run-1/")]
    assert shelf.open().shows({CLIENT: None}, asks_store=True)
    for key in {stored.key for name in names for stored in shelf.store.list(name)}:
        if not key.endswith("_manifest.json"):  # what is looked at is drawn by chance
            shelf.store.delete(key)
    assert not shelf.open().shows({CLIENT: None}, asks_store=True)
    assert shelf.publish_again("run-2").changed
    assert shelf.store.head(f"{GOLD}machine_status_current.parquet")


@pytest.mark.slow
def test_foreign_objects_are_ignored_and_stay(shelf):
    shelf.publish(1)
    left = [
        f"{folder}/{name}" for folder in ("_history", "_versions") for name in ("Thumbs.db", "@eaDir/x", "20260101/x")
    ]
    for key in left:
        damaged(shelf, key)
    for mark in (2, 3):
        shelf.publish(mark)
    assert [key for key in left if shelf.store.head(f"{GOLD}{key}") is None] == []


@pytest.mark.slow
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
    assert sorted(path.name for path in shelf.places.versions.iterdir()) == ["run-2", "run-3"]
    known = shelf.version(2)
    shelf.open().forget(shelf.places, [known])
    assert shelf.published_run() == "run-3"
    left = {stored.key.removeprefix(f"{GOLD}_versions/").partition("/")[0] for stored in shelf.store.list(GOLD)}
    assert {"run-2", "run-3"} <= left


def test_earlier_publication_put_back_in_a_bucket_is_found(shelf):
    shelf.publish(1)
    kept = {one.key: (shelf.store.read(one.key) or (b"", None))[0] for one in shelf.store.list(GOLD)}
    shelf.publish(2)
    assert shelf.open().shows({CLIENT: "run-2"}, asks_store=True)
    assert shelf.open().shows({CLIENT: "run-1"}, asks_store=True), "another machine replaced it since"
    for key, content in kept.items():
        metadata = {"sha256": hashlib.sha256(content).hexdigest()}
        shelf.store.client.put_object(Bucket=shelf.store.bucket, Key=key, Body=content, Metadata=metadata)
    assert shelf.open().shows({CLIENT: None}, asks_store=True)
    assert not shelf.open().shows({CLIENT: "run-2"}, asks_store=True)
