"""Which files in bronze a message speaks of: pure functions over what S3 sends, through SNS and EventBridge too.

Everything in a message comes from outside, above all the keys: whoever may write to the queue or to bronze chooses
them. A message is only a hint, so what has the shape of an event and cannot be understood counts as news.
The function that starts tasks without a watcher reads the same shapes: infra/lambda/arrival_events.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from tribolake.lake.bronze import NOT_YET_A_FILE

# What SQS takes by default; events of S3 have a few KB.
MAX_BODY_CHARACTERS = 256 * 1024
# S3 in SNS in SQS; more envelopes than these nobody sends.
MAX_ENVELOPES = 3
UNKNOWN_KEY = ""


class NotAnEvent(ValueError):
    """A message that neither S3 wrote nor a service that forwards its events; its words are fixed ones."""


@dataclass(frozen=True)
class Ours:
    """What a watcher looks after: `s3://{bucket}/{prefix}/bronze/{client}/…`."""

    bucket: str
    prefix: str


def arrived_keys(body: str, ours: Ours) -> list[str]:
    """The keys of files that a message says came to bronze.

    Args:
        body: of a message in SQS.
        ours: the lake.

    Returns:
        One key per file, `UNKNOWN_KEY` where the event does not tell it in a way that is known. Empty where the message
        is an event of no concern: a test, a deletion, another bucket, another prefix, a copy under way.

    Raises:
        NotAnEvent: it is no event of S3, nor an envelope around one.
    """
    if len(body) > MAX_BODY_CHARACTERS:
        raise NotAnEvent("too large")
    return [key for created in _created(_event(body)) if (key := _key_in_bronze(created, ours)) is not None]


@dataclass(frozen=True)
class _Created:
    """A new object as an event names it; None where the event does not say."""

    bucket: str | None
    key: str | None


def _event(message: object) -> dict[str, Any]:
    """The event in its envelopes."""
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
            # Ceph sends keys as they are; S3 encodes them as forms do, a space as `+`.
            yield _object(record.get("s3"), is_encoded=source != "ceph:s3")


def _object(described: object, *, is_encoded: bool) -> _Created:
    bucket, key = _text(described, "bucket", "name"), _text(described, "object", "key")
    return _Created(bucket, unquote_plus(key) if key and is_encoded else key)


def _text(value: object, *names: str) -> str | None:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _key_in_bronze(created: _Created, ours: Ours) -> str | None:
    """The key of a file in bronze; None where the object is of no concern."""
    if created.bucket not in (None, ours.bucket):
        return None
    if created.key is None:
        return UNKNOWN_KEY
    return created.key if _is_a_file(created.key, f"{ours.prefix}/bronze/") else None


def _is_a_file(key: str, bronze: str) -> bool:
    """As the lake's listing decides it."""
    *folders, name = key.removeprefix(bronze).split("/")
    return key.startswith(bronze) and bool(folders and name) and not NOT_YET_A_FILE.search(name)
