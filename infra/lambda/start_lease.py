"""A lease on starting a client's task: of invocations at the same moment one starts it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

# Longer than ECS needs until it lists a new task; shorter than a container needs until it looks into the lake.
LEASE_SECONDS = 10
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
GONE = frozenset({"NoSuchKey", "404"})
TOKEN_BYTES = 32


@dataclass(frozen=True)
class Held:
    """A lease that somebody has taken."""

    token: str
    etag: str
    age: timedelta


@dataclass(frozen=True)
class StartLease:
    """Leases are objects `starts/{client}` of an unversioned bucket; who takes one lets it lapse."""

    s3: Any
    bucket: str
    seconds: int = LEASE_SECONDS

    def take(self, client: str) -> bool:
        """Whether the lease is ours now; False where another invocation took it and it has not lapsed.

        Raises:
            botocore.exceptions.ClientError: the bucket cannot be used.
        """
        token = uuid.uuid4().hex
        if self._put(client, token, IfNoneMatch="*"):
            return True
        held = self._look(client)
        if held is None or held.token == token:
            return held is not None
        if held.age < timedelta(seconds=self.seconds):
            return False
        if self._put(client, token, IfMatch=held.etag):
            return True
        held = self._look(client)
        return held is not None and held.token == token

    def _look(self, client: str) -> Held | None:
        """What is there. It may be our own: a lost reply makes the client library ask again, and be refused for it."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=_key(client))
        except ClientError as error:
            if _code(error) in GONE:
                return None
            raise
        # Both times are of the store's clock.
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        token = found["Body"].read(TOKEN_BYTES).decode("ascii", errors="replace")
        return Held(token, found["ETag"], now - found["LastModified"])

    def _put(self, client: str, token: str, **condition: str) -> bool:
        try:
            self.s3.put_object(Bucket=self.bucket, Key=_key(client), Body=token.encode(), **condition)
        except ClientError as error:
            if _code(error) in REFUSED | GONE:
                return False
            raise
        return True


def _key(client: str) -> str:
    return f"starts/{client}"


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
