"""Messages of a queue: events of S3 give keys, other messages are refused."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.lake.ignored import kind_of_ignored
from tribolake.lake.inbox import Inbox
from tribolake.watch.messages import MAX_BODY_CHARACTERS, UNKNOWN_KEY, NotAnEvent, WatchedPlaces, arrived_keys

WATCHED = WatchedPlaces("mining-data-mesh", [Inbox.below("oil-analysis"), Inbox("oil-analysis/feedback")])
BRONZE = "oil-analysis/bronze/"
KEY = "oil-analysis/bronze/cda/2026-01-31/T-09 (copia) ñ+1.xlsx"


def record(key: object = quote_plus(KEY), **changes: Any) -> dict[str, Any]:
    """Return a record as S3 sends it, with an encoded key."""
    described = {"bucket": {"name": WATCHED.bucket}, "object": {"key": key, "size": 1, "eTag": "e"}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": described} | changes


def body(*records: object) -> str:
    return json.dumps({"Records": records})


def in_sns(text: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:a:1:t", "Message": text})


def in_another_bucket() -> dict[str, Any]:
    changed = record()
    changed["s3"]["bucket"]["name"] = "elsewhere"
    return changed


# Events


def test_key_of_aws_is_decoded_and_key_of_ceph_is_not():
    assert arrived_keys(body(record()), WATCHED) == [KEY]
    ceph = record("oil-analysis/bronze/cda/a+b%20c.xlsx", eventSource="ceph:s3", eventName="s3:ObjectCreated:Put")
    assert arrived_keys(body(ceph | {"awsRegion": ""}), WATCHED) == ["oil-analysis/bronze/cda/a+b%20c.xlsx"]


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_kind_of_created_event_returns_its_key(name: str):
    assert arrived_keys(body(record(eventName=f"ObjectCreated:{name}")), WATCHED) == [KEY]


def test_event_in_an_envelope_is_found():
    assert arrived_keys(in_sns(body(record())), WATCHED) == [KEY]
    bridged = {"source": "aws.s3", "detail-type": "Object Created", "detail": record(KEY)["s3"]}
    assert arrived_keys(json.dumps(bridged), WATCHED) == [KEY]


def test_entry_of_feedback_returns_its_key():
    entry = "oil-analysis/feedback/cda/2026-01-31/01M8KF1Y51R9AJAXVTDBDJRME4.json"
    assert arrived_keys(body(record(entry)), WATCHED) == [entry]
    for other in ("oil-analysis/feedback/", "other/feedback/cda/a.json", "oil-analysis/feedback/cda/.a.partial"):
        assert arrived_keys(body(record(other)), WATCHED) == []


def test_message_with_several_records_returns_keys_in_bronze():
    keys = [f"{BRONZE}cda/{name}.xlsx" for name in "ab"]
    records = [record(keys[0]), record("oil-analysis/gold/cda/_manifest.json"), record(keys[1])]
    assert arrived_keys(body(*records), WATCHED) == keys


@pytest.mark.parametrize(
    "event",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": WATCHED.bucket},
        {"Records": []},
        {"Records": [record(eventName="ObjectRemoved:Delete")]},
        {"Records": [record(eventName="s3:ObjectRemoved:DeleteMarkerCreated")]},
        {"Records": [record("oil-analysis/gold/cda/_manifest.json")]},
        {"Records": [record("other-analysis/bronze/cda/a.xlsx")]},
        {"Records": [record(f"{BRONZE}cda/")]},
        {"Records": [record(f"{BRONZE}lost.xlsx")]},
        {"Records": [record(f"{BRONZE}cda/~%24a.xlsx")]},
        {"Records": [record(f"{BRONZE}cda/a.xlsx.part")]},
        {"Records": [in_another_bucket()]},
        {"source": "aws.s3", "detail-type": "Object Deleted", "detail": record(KEY)["s3"]},
    ],
)
def test_irrelevant_event_returns_no_key(event: dict[str, Any]):
    assert arrived_keys(json.dumps(event), WATCHED) == []
    assert arrived_keys(in_sns(json.dumps(event)), WATCHED) == []


@pytest.mark.parametrize(
    "odd",
    [record(None), record(7), record(["a"]), record(s3=None), record(s3="x"), record(s3={"object": {"key": None}})],
)
def test_event_without_readable_key_returns_unknown_key(odd: dict[str, Any]):
    assert arrived_keys(body(odd), WATCHED) == [UNKNOWN_KEY]


def test_event_without_a_name_returns_its_key():
    assert arrived_keys(body(record(eventName=None)), WATCHED) == [KEY]


# Messages that are not events


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"Records": 1}',
        '{"Records": [1]}',
        '{"Records": [{"eventSource": "aws:ses"}]}',
        "[" * 100_000,
        "9" * 10_000,
        "x" * (MAX_BODY_CHARACTERS + 1),
        in_sns("hello"),
        in_sns(in_sns(in_sns(body()))),
    ],
)
def test_message_that_is_not_an_event_is_refused(text: str):
    with pytest.raises(NotAnEvent):
        arrived_keys(text, WATCHED)


def test_refusal_quotes_nothing_of_the_message():
    with pytest.raises(NotAnEvent) as refusal:
        arrived_keys('{"Records": [{"eventSource": "secret"}], "secret": "secret"}', WATCHED)
    assert "secret" not in str(refusal.value)


# Laws

names = st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name and not kind_of_ignored([name]))
files = st.tuples(st.sampled_from(["cda", "emin", "CDA"]), names).map(lambda parts: BRONZE + "/".join(parts))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
words = st.sampled_from(
    ["Records", "Type", "Notification", "Message", "Event", "s3:TestEvent", "eventSource", "aws:s3", "ceph:s3",
     "eventName", "ObjectCreated:Put", "s3", "bucket", "name", WATCHED.bucket, "object", "key", KEY, "source", "aws.s3",
     "detail-type", "Object Created", "detail"]
)  # fmt: skip
hostile = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=5),
    max_leaves=25,
)


@given(st.text() | hostile.map(json.dumps) | hostile.map(lambda value: in_sns(json.dumps(value))) | hostile.map(
    lambda value: body(record(s3=value))) | hostile.map(lambda value: body(record(value))))  # fmt: skip
def test_hostile_body_is_read_or_refused(text: str):
    try:
        keys = arrived_keys(text, WATCHED)
    except NotAnEvent:
        return
    assert all(key == UNKNOWN_KEY or key.startswith(BRONZE) for key in keys)


@given(st.lists(files, min_size=1, max_size=5), st.sampled_from(["aws:s3", "ceph:s3", "minio:s3"]))
def test_every_file_in_bronze_returns_a_key(keys: list[str], source: str):
    sent = [key if source == "ceph:s3" else quote_plus(key, errors="replace") for key in keys]
    found = arrived_keys(body(*(record(key, eventSource=source) for key in sent)), WATCHED)
    assert len(found) == len(keys)


@given(files)
def test_encoded_key_is_decoded_exactly(key: str):
    assert arrived_keys(body(record(quote_plus(key))), WATCHED) == [key]


@given(st.integers(0, len(body(record())) - 1))
def test_truncated_body_is_refused(at: int):
    with pytest.raises(NotAnEvent):
        arrived_keys(body(record())[:at], WATCHED)
