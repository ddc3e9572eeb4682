"""Objects of a bucket are read and written whole, whatever the server does."""

from __future__ import annotations

import io
import os

import pytest
from tests.support.servers.plan import Fault
from tests.support.servers.server import client

from tribolake.errors import StoreUnavailable
from tribolake.lake.labels import Label
from tribolake.lake.store import ObjectStore, open_store
from tribolake.lake.store_errors import ObjectMissing, ObjectTooLarge
from tribolake.lake.stored import PART_BYTES

# Faults that cost seconds.
WAITING = [pytest.param(fault, marks=pytest.mark.slow) for fault in (Fault.LATE_REPLY, Fault.DELAY)]
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


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.TRUNCATE, Fault.CORRUPT, *WAITING])
def test_read_with_a_fault_returns_the_complete_content(proxy, store, fault):
    content = os.urandom(300_000)
    client(proxy.server).put_object(Bucket=store.bucket, Key="foreign", Body=content)  # without SHA-256 as metadata
    proxy.plan.inject(fault, operation="GetObject", seconds=3)
    into = io.BytesIO()
    store.get("foreign", into)
    assert into.getvalue() == content
    assert [each.fault for each in proxy.injured] == [fault]


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.get("there", io.BytesIO()),
        lambda store: store.head("there"),
        lambda store: store.put("there", b"other"),
        lambda store: store.put("big", LARGE),
    ],
    ids=["read", "look", "write", "write in parts"],
)
def test_answer_without_etag_is_named(proxy, store, call):
    store.put("there", b"content")
    proxy.plan.inject(Fault.WITHOUT_ETAG, times=None)
    with pytest.raises(StoreUnavailable, match=r"no ETag.*proxy"):
        call(store)


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET, Fault.LOST_REPLY, *WAITING])
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


def test_content_that_is_not_its_writers_is_refused(moto, settings_of):
    store = open_store(settings_of(moto, s3_attempts=1))
    store.put("object", b"right")
    metadata = store.head("object").metadata
    store.client.put_object(Bucket=store.bucket, Key="object", Body=b"wrong", Metadata=metadata)
    with pytest.raises(StoreUnavailable, match="not what its writer said"):
        store.get("object", io.BytesIO())


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
