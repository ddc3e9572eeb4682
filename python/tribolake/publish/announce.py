"""Tell a topic of each publication on S3: at least once, and not again.

    gold/{client}/_versions/{run_id}/_announced.json    the topic was told of this version

The marker is stored after the topic has taken the message: a run that is killed in between tells it twice, and a
version without marker is told when the client is published the next time, which a run that was killed, or whose topic
did not answer, sees to. A topic that does not answer holds nothing back: readers have the version already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tribolake.lake.store import ObjectStore
from tribolake.publish.places import Places
from tribolake.publish.version import CHANGES_FILE, Version
from tribolake.settings import Settings

EVENT = "gold_published"
MARKER = "_announced.json"
# A topic that hangs takes no longer from a run than this, three times.
PATIENCE_SECONDS = 5
ATTEMPTS = 3
LOGGED_CHARACTERS = 200


class Announcer(Protocol):
    """Is told of versions that readers can see; `failed` has the clients of which nobody could be told, and why."""

    @property
    def failed(self) -> Mapping[str, str]: ...

    def __call__(self, places: Places, version: Version) -> None:
        """Announce a version, unless that was done."""


class Nobody:
    """Nobody wants to be told."""

    failed: Mapping[str, str] = {}

    def __call__(self, places: Places, version: Version) -> None:
        """Nobody is."""


class Topic:
    """A topic of SNS; `client` is boto3's."""

    def __init__(self, client: Any, arn: str, store: ObjectStore) -> None:
        self._client = client
        self._arn = arn
        self._store = store
        self.failed: dict[str, str] = {}

    def __call__(self, places: Places, version: Version) -> None:
        """Announce a version, unless that was done.

        Raises:
            StoreUnavailable: it cannot be told whether it was done, or that it was cannot be kept.
        """
        marker = (version.folder / MARKER).relative_to(places.root).as_posix()
        if self._store.head(marker):
            return
        told = announcement(places, version, self._store.bucket)
        try:
            answer = self._client.publish(
                TopicArn=self._arn,
                Message=json.dumps(told, ensure_ascii=False),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": told[name]} for name in ("client", "event")
                },
            )
        except (BotoCoreError, ClientError) as error:
            self.failed[places.client] = (
                f"published, but the topic {self._arn} could not be told; the next run tries again "
                f"({str(error)[:LOGGED_CHARACTERS]})"
            )
            return
        self.failed.pop(places.client, None)
        self._store.put(marker, json.dumps({"topic": self._arn, "message_id": answer["MessageId"]}).encode())


def announcement(places: Places, version: Version, bucket: str) -> dict[str, Any]:
    """What the topic is told: who was published, and where the manifest is that leads to the files.

    Returns:
        `event`, `client`, `run_id`, `bucket`, `manifest` (a key), `published_at` (ISO 8601), `schema_version`, and
        `transitions`: by published table, how many rows went from one status to another, `{"Normal→Alerta": 3}`.
    """
    return {
        "event": EVENT,
        "client": places.client,
        "run_id": version.run_id,
        "bucket": bucket,
        "manifest": places.manifest.relative_to(places.root).as_posix(),
        "published_at": version.manifest["published_at"],
        "schema_version": version.manifest["schema_version"],
        "transitions": _transitions(version),
    }


def _transitions(version: Version) -> dict[str, dict[str, int]]:
    """Empty where this machine does not have what the version changed, as with those of earlier releases."""
    try:
        entries = json.loads((version.folder / CHANGES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {entry["entity"]: entry["transitions"] for entry in entries if entry["transitions"]}


def open_announcer(settings: Settings, store: ObjectStore) -> Announcer:
    """Whoever is to be told of what a lake on S3 publishes; credentials come from the standard AWS chain."""
    if not settings.s3.topic:
        return Nobody()
    client = boto3.session.Session(region_name=settings.s3.region).client(
        "sns",
        config=Config(
            connect_timeout=PATIENCE_SECONDS,
            read_timeout=PATIENCE_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        ),
    )
    return Topic(client, settings.s3.topic, store)
