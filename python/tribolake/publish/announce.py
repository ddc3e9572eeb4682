"""Announce each publication on S3 to an SNS topic, at least once.

    gold/{client}/_versions/{run_id}/_announced.json    this version was announced

The marker is stored after the topic has accepted the message. A run that is killed in between announces twice. A
version without a marker is announced when the client is next published. A topic that does not answer delays no reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from tribolake.lake.aws import aws_errors, open_client
from tribolake.lake.store import ObjectStore
from tribolake.publish.places import Places
from tribolake.publish.version import CHANGES_FILE, Version
from tribolake.settings import Settings
from tribolake.texts import without_users

EVENT = "gold_published"
MARKER = "_announced.json"
# A topic that hangs delays a run by at most ATTEMPTS times this.
TIMEOUT_SECONDS = 5
ATTEMPTS = 3
LOGGED_CHARACTERS = 200


class Announcer(Protocol):
    """Announces published versions. `failed` maps each client that could not be announced to the reason."""

    @property
    def failed(self) -> Mapping[str, str]: ...

    def __call__(self, places: Places, version: Version) -> None:
        """Announce a version unless it was announced before."""


class NullAnnouncer:
    """Announces nothing."""

    failed: Mapping[str, str] = {}

    def __call__(self, places: Places, version: Version) -> None:
        """Do nothing."""


class Topic:
    """An SNS topic. `client` is a boto3 client."""

    def __init__(self, client: Any, arn: str, store: ObjectStore) -> None:
        self._client = client
        self._arn = arn
        self._store = store
        self.failed: dict[str, str] = {}

    def __call__(self, places: Places, version: Version) -> None:
        """Announce a version unless it was announced before.

        Raises:
            StoreUnavailable: the marker cannot be read or stored.
        """
        marker = (version.folder / MARKER).relative_to(places.root).as_posix()
        if self._store.head(marker):
            return
        message = announcement(places, version, self._store.bucket)
        try:
            answer = self._client.publish(
                TopicArn=self._arn,
                Message=json.dumps(message, ensure_ascii=False),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": message[name]} for name in ("client", "event")
                },
            )
        except (aws_errors.BotoCoreError, aws_errors.ClientError) as error:
            self.failed[places.client] = (
                f"published, but not announced to the topic {self._arn}; the next run tries again "
                f"({without_users(error)[:LOGGED_CHARACTERS]})"
            )
            return
        self.failed.pop(places.client, None)
        self._store.put(marker, json.dumps({"topic": self._arn, "message_id": answer["MessageId"]}).encode())


def announcement(places: Places, version: Version, bucket: str) -> dict[str, Any]:
    """Build the message about a publication.

    Returns:
        `event`, `client`, `run_id`, `bucket`, `manifest` (a key), `published_at` (ISO 8601), `schema_version`, and
        `transitions`: per published table the number of rows per change of status, such as `{"Normal→Alerta": 3}`.
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
    """Read the changes of status. Returns nothing for versions of early releases, which have no file of changes."""
    try:
        entries = json.loads((version.folder / CHANGES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {entry["entity"]: entry["transitions"] for entry in entries if entry["transitions"]}


def open_announcer(settings: Settings, store: ObjectStore) -> Announcer:
    """Open the announcer of a lake on S3. Credentials come from the standard AWS chain."""
    if not settings.s3.topic:
        return NullAnnouncer()
    client = open_client(
        "sns",
        settings.s3.region,
        connect_timeout=TIMEOUT_SECONDS,
        read_timeout=TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    return Topic(client, settings.s3.topic, store)
