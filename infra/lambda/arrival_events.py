"""Read arrivals from events of S3, which may come through SQS, SNS or EventBridge.

Events are not trusted: anyone who may write to bronze chooses the keys.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

# The rule of python/tribolake/lake/bronze.py, and a part of the seed `ignored_names`: the function is deployed without
# the package. A task that starts for another ignored name finds nothing to do.
CLIENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
NOT_YET_A_FILE = re.compile(r"^(~\$|\.)|\.(tmp|part|partial|crdownload)$", re.IGNORECASE)
READABLE = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".csv", ".tsv", ".txt", ".htm", ".html", ".parquet")
MAX_KEY_BYTES = 1024
# S3 in SNS in SQS.
MAX_ENVELOPES = 3


class NotAnEvent(ValueError):
    """The message is not an event of S3, nor a forwarded one."""


@dataclass(frozen=True)
class WatchedBronze:
    """The folders that this function serves: `s3://{bucket}/{prefix}/bronze/{client}/…` of these clients."""

    bucket: str
    prefix: str
    clients: frozenset[str]


@dataclass(frozen=True)
class CreatedObject:
    """A new object in an event. `happened_at` is None if the event has no time."""

    bucket: str
    key: str
    happened_at: datetime | None = None


@dataclass(frozen=True)
class Arrival:
    """A new laboratory file in bronze."""

    client: str
    key: str
    happened_at: datetime | None


def created_objects(message: object) -> Iterator[CreatedObject]:
    """Yield the new objects in a message. Test events, deletions and other events of a bucket yield nothing.

    Args:
        message: an event, or an envelope around one, as JSON text or parsed.

    Raises:
        NotAnEvent: the message is neither.
    """
    for _ in range(MAX_ENVELOPES):
        message = _parsed(message)
        if message.get("Type") == "Notification" and "Message" in message:
            message = message["Message"]
        elif message.get("source") == "aws.s3" and isinstance(message.get("detail"), dict):
            yield from _from_eventbridge(message)
            return
        elif message.get("Event") == "s3:TestEvent":
            return
        elif isinstance(message.get("Records"), list):
            for record in message["Records"]:
                yield from _from_record(record)
            return
        else:
            break
    raise NotAnEvent("neither an event of S3 nor an envelope around one")


def arrival(created: CreatedObject, watched: WatchedBronze) -> Arrival | str:
    """Return the arrival, or a fixed text that says why the object is not an arrival."""
    bronze = f"{watched.prefix}/bronze/"
    *folders, name = created.key.removeprefix(bronze).split("/")
    client = folders[0].lower() if folders else ""
    objections = {
        "another bucket": created.bucket != watched.bucket,
        "key too long": len(created.key.encode(errors="replace")) > MAX_KEY_BYTES,
        "not in bronze": not created.key.startswith(bronze),
        "odd characters": any(map(_is_odd, created.key)),
        "a folder": not name,
        "not below a client's folder": not folders or not {"", ".", ".."}.isdisjoint((*folders, name)),
        "unknown client": not CLIENT_NAME.fullmatch(client) or client not in watched.clients,
        "not a laboratory file": any(map(NOT_YET_A_FILE.search, (*folders, name)))
        or not name.lower().endswith(READABLE),
    }
    found = Arrival(client, created.key, created.happened_at)
    return next((objection for objection, holds in objections.items() if holds), found)


def _is_odd(character: str) -> bool:
    """Detect control and format characters, surrogates, replacement characters and backslashes."""
    return unicodedata.category(character).startswith("C") or character in "\\\N{REPLACEMENT CHARACTER}"


def _parsed(message: object) -> dict[str, Any]:
    if isinstance(message, str):
        try:
            message = json.loads(message)
        except (ValueError, RecursionError) as error:
            raise NotAnEvent("not JSON") from error
    if not isinstance(message, dict):
        raise NotAnEvent("not a JSON object")
    return message


def _from_record(record: object) -> Iterator[CreatedObject]:
    if not isinstance(record, dict):
        raise NotAnEvent("a record is not a JSON object")
    if record.get("EventSource") == "aws:sns":
        yield from created_objects(_inside(record, "Sns", "Message"))
        return
    source, name = record.get("eventSource"), record.get("eventName")
    if source not in ("aws:s3", "ceph:s3") or not isinstance(name, str):
        raise NotAnEvent("a record is not of S3")
    if not name.removeprefix("s3:").startswith("ObjectCreated:"):
        return
    bucket, key = _inside(record, "s3", "bucket", "name"), _inside(record, "s3", "object", "key")
    # Ceph does not encode keys. S3 encodes them like form fields, a space as `+`.
    decoded = key if source == "ceph:s3" else unquote_plus(key)
    yield CreatedObject(bucket, decoded, _moment(record.get("eventTime")))


def _from_eventbridge(message: dict[str, Any]) -> Iterator[CreatedObject]:
    if message.get("detail-type") == "Object Created":
        # EventBridge does not encode keys.
        bucket, key = _inside(message, "detail", "bucket", "name"), _inside(message, "detail", "object", "key")
        yield CreatedObject(bucket, key, _moment(message.get("time")))


def _inside(value: object, *names: str) -> str:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise NotAnEvent(f"no {'.'.join(names)}")
    return value


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
