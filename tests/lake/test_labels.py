"""Labels are checked against the limits of S3, and objects are written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.lake_homes import InBucket
from tests.support.s3_fixtures import NewBuckets
from tests.support.servers.server import S3Server

from tribolake.lake.labels import Label, LabelRefused, read_metadata, require_allowed
from tribolake.lake.objects import FolderObjects, ObjectExists, Objects
from tribolake.lake.objects_in_bucket import BucketObjects
from tribolake.lake.store import ObjectStore, open_store
from tribolake.lake.stored import StoredObject

KEY = "raw/yfinance/NVDA/2025-01-15/20250115_120000.json"


@pytest.fixture
def store(moto: S3Server, bucket: NewBuckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return open_store(InBucket(moto, bucket(moto).lake, tmp_path).settings())


@pytest.mark.parametrize(
    ("label", "why"),
    [
        (Label(tags={f"t{number}": "" for number in range(11)}), "11 tags"),
        (Label(tags={"a" * 129: ""}), "129 characters"),
        (Label(tags={"a": "b" * 257}), "257 characters"),
        (Label(tags={"ticker": "^GSPC"}), "the character '^'"),
        (Label(tags={"": "x"}), "no name"),
        (Label(metadata={"a": "b" * 1978}), "2049 bytes"),
        (Label(metadata={"a": "ä" * 350}), "2171 bytes"),
        (Label(metadata={"ä": ""}), "cannot be the name"),
    ],
)
def test_label_beyond_a_limit_is_refused(store: ObjectStore, label: Label, why: str):
    with pytest.raises(LabelRefused, match=why.replace("^", r"\^")):
        store.put_new(KEY, b"{}", label)
    assert store.head(KEY) is None


def test_label_at_the_limits_is_stored(store: ObjectStore):
    label = Label(
        {"a": "b" * (2048 - 1 - len("sha256") - 64)}, {f"{number}" + "t" * 127: "ñ" * 256 for number in range(10)}
    )
    store.put_new(KEY, b"{}", label)
    assert store.tags(KEY) == label.tags


def test_printable_ascii_of_metadata_is_stored_as_it_is(store: ObjectStore):
    said = {"indicators_computed": '["sma_20", "rsi_14"]', "symbol": "M&M.NS 50%", "name": "Señal"}
    store.put_new(KEY, b"{}", Label(said))
    sent = dict((store.head(KEY) or StoredObject).metadata)
    assert (sent["indicators_computed"], sent["symbol"]) == ('["sma_20", "rsi_14"]', "M&M.NS 50%25")
    assert read_metadata(sent).items() >= said.items()
    assert read_metadata({"source-raw-data-key": "a"}) == {"source_raw_data_key": "a"}


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(max_size=20)))
def test_metadata_comes_back_as_it_was_sent(said: dict[str, str]):
    label = Label({name: text.encode("utf-8", "replace").decode() for name, text in said.items()})
    assert all(value.isascii() for value in label.escaped.values())
    assert read_metadata(label.escaped) == label.metadata
    require_allowed(Label(), 0)


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_object_is_written_once(place: str, store: ObjectStore, tmp_path: Path):
    objects: Objects = (
        FolderObjects(tmp_path, "market") if place == "folder" else BucketObjects(store, "market", tmp_path / "cache")
    )
    version = objects.put_new(KEY, b"first", Label())
    assert objects.put_new(KEY, b"first", Label()) == version
    with pytest.raises(ObjectExists):
        objects.put_new(KEY, b"second", Label())
    assert objects.read(KEY) == b"first"
    assert place == "folder" or store.versions(KEY) == (version,)


def test_second_writer_at_the_same_time_is_refused(store: ObjectStore, monkeypatch: pytest.MonkeyPatch):
    """The look before the write saw nothing: the store itself refuses."""
    store.put(KEY, b"first")
    monkeypatch.setattr(store, "head", lambda key: None)
    with pytest.raises(ObjectExists):
        store.put_new(KEY, b"second", Label())
    assert len(store.versions(KEY)) == 1


def test_every_version_is_listed_past_a_page_and_read_by_its_id(store: ObjectStore, tmp_path: Path):
    store.client.meta.events.register(
        "provide-client-params.s3.ListObjectVersions", lambda params, **_: params | {"MaxKeys": 2}
    )
    objects = BucketObjects(store, "market", tmp_path / "cache")
    stored = [store.put(f"raw/NVDA/{key}", content).version_id for key in "ab" for content in (b"1", b"2", b"3")]
    store.put("raw/NVDA2/a", b"other")
    found = objects.versions("raw/NVDA")
    assert [one.key[-1] for one in found] == list("aaabbb")
    assert {one.version_id for one in found} == set(stored)
    assert store.calls["ListObjectVersions"] == 3
    assert [objects.read("raw/NVDA/b", version_id=version) for version in stored[3:]] == [b"1", b"2", b"3"]
    assert objects.read("raw/NVDA/b", version_id=stored[0]) is None
