"""A lease per client, so that only one of several invocations starts its task."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

# Longer than ECS needs to list a new task. Shorter than a container needs to start and list the lake.
LEASE_SECONDS = 10
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
GONE = frozenset({"NoSuchKey", "404"})
TOKEN_BYTES = 32


@dataclass(frozen=True)
class HeldLease:
    """A lease that an invocation has taken."""

    token: str
    etag: str
    age: timedelta


@dataclass(frozen=True)
class StartLease:
    """Leases are objects `starts/{client}` in an unversioned bucket. They are not released but expire."""

    s3: Any
    bucket: str
    seconds: int = LEASE_SECONDS

    def take(self, client: str) -> bool:
        """Try to take the lease. Returns False if another invocation holds it.

        Raises:
            botocore.exceptions.ClientError: the bucket cannot be used.
        """
        token = uuid.uuid4().hex
        if self._put(client, token, IfNoneMatch="*"):
            return True
        held = self._read(client)
        if held is None or held.token == token:
            return held is not None
        if held.age < timedelta(seconds=self.seconds):
            return False
        if self._put(client, token, IfMatch=held.etag):
            return True
        held = self._read(client)
        return held is not None and held.token == token

    def _read(self, client: str) -> HeldLease | None:
        """Read the lease. It may be our own: after a lost reply boto3 retries, and the retry is refused."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=_key(client))
        except ClientError as error:
            if _code(error) in GONE:
                return None
            raise
        # Both times are from the clock of the store.
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        token = found["Body"].read(TOKEN_BYTES).decode("ascii", errors="replace")
        return HeldLease(token, found["ETag"], now - found["LastModified"])

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
