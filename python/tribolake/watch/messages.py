"""Read the keys of new bronze files and entries from messages of S3, which may come through SNS or EventBridge.

Messages are not trusted: anyone who may write to the queue or to bronze chooses the keys. A message only makes the
watcher list bronze, so an event of S3 without a readable key counts as a new file.
The Lambda function that starts tasks reads the same shapes: infra/lambda/arrival_events.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from tribolake.lake.inbox import Inbox

# Limit of SQS by default. Events of S3 have a few KB.
MAX_BODY_CHARACTERS = 256 * 1024
# S3 in SNS in SQS.
MAX_ENVELOPES = 3
UNKNOWN_KEY = ""


class NotAnEvent(ValueError):
    """The message is not an event of S3, nor a forwarded one. The text is fixed and quotes nothing of the message."""


@dataclass(frozen=True)
class WatchedPlaces:
    """What a watcher watches in a bucket: where the files of a product arrive, and its entries."""

    bucket: str
    places: Sequence[Inbox]


def arrived_keys(body: str, watched: WatchedPlaces) -> list[str]:
    """Return the keys of new bronze files and entries in a message.

    Args:
        body: body of the SQS message.
        watched: the watched places.

    Returns:
        One key per file, `UNKNOWN_KEY` if the event has no readable key. Empty for irrelevant events: tests, deletions,
        other buckets, other prefixes, unfinished copies.

    Raises:
        NotAnEvent: the message is not an event of S3, nor an envelope around one.
    """
    if len(body) > MAX_BODY_CHARACTERS:
        raise NotAnEvent("too large")
    return [key for created in _created(_event(body)) if (key := _watched_key(created, watched)) is not None]


@dataclass(frozen=True)
class _Created:
    """A new object in an event. A field is None if the event does not have it."""

    bucket: str | None
    key: str | None


def _event(message: object) -> dict[str, Any]:
    """Take the event out of its envelopes."""
    for _ in range(MAX_ENVELOPES):
        if isinstance(message, str):
            message = _parsed(message)
        if not isinstance(message, dict):
            raise NotAnEvent("not a JSON object")
        if message.get("Type") != "Notification":
            return message
        message = message.get("Message")
    raise NotAnEvent("too many envelopes")


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAnEvent("not JSON") from error


def _created(event: dict[str, Any]) -> Iterator[_Created]:
    if event.get("Event") == "s3:TestEvent":
        return
    if event.get("source") == "aws.s3":
        if event.get("detail-type") == "Object Created":
            # EventBridge does not encode keys.
            yield _object(event.get("detail"), is_encoded=False)
        return
    records = event.get("Records")
    if not isinstance(records, list):
        raise NotAnEvent("not an event of S3")
    for record in records:
        source = record.get("eventSource") if isinstance(record, dict) else None
        if not isinstance(source, str) or not source.endswith(":s3"):
            raise NotAnEvent("a record is not of S3")
        name = record.get("eventName")
        if not isinstance(name, str) or name.removeprefix("s3:").startswith("ObjectCreated:"):
            # Ceph does not encode keys. S3 encodes them like form fields, a space as `+`.
            yield _object(record.get("s3"), is_encoded=source != "ceph:s3")


def _object(described: object, *, is_encoded: bool) -> _Created:
    bucket, key = _text(described, "bucket", "name"), _text(described, "object", "key")
    return _Created(bucket, unquote_plus(key) if key and is_encoded else key)


def _text(value: object, *names: str) -> str | None:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _watched_key(created: _Created, watched: WatchedPlaces) -> str | None:
    """Return the key of a file in bronze, or of an entry. None if the object is elsewhere."""
    if created.bucket not in (None, watched.bucket):
        return None
    if created.key is None:
        return UNKNOWN_KEY
    is_watched = any(_is_a_file(created.key, place) for place in watched.places)
    return created.key if is_watched else None


def _is_a_file(key: str, place: Inbox) -> bool:
    """Apply the same rule as the lake's listing."""
    *folders, name = key.removeprefix(f"{place.folder}/").split("/")
    is_below = key.startswith(f"{place.folder}/") and bool(folders and name)
    return is_below and place.kind_of_ignored([*folders, name]) is None
