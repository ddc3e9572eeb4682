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
        try:
            held = self.s3.get_object(Bucket=self.bucket, Key=_key(client))
        except ClientError as error:
            if _code(error) in GONE:
                return False
            raise
        # A reply that was lost makes the client library ask again, and then meet what it wrote itself.
        if held["Body"].read(len(token)).decode("ascii", errors="replace") == token:
            return True
        # Both times are of the store's clock.
        now = parsedate_to_datetime(held["ResponseMetadata"]["HTTPHeaders"]["date"])
        if now - held["LastModified"] < timedelta(seconds=self.seconds):
            return False
        return self._put(client, token, IfMatch=held["ETag"])

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
