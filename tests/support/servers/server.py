"""Address and users of an S3 server of the tests, and a boto3 client for it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SERVICE, FUSION, DASHBOARD = "service", "fusion", "dashboard"
"""The users of every server: the product, the consumer that may read gold, and one without rights."""


@dataclass(frozen=True)
class Credentials:
    access_key: str
    secret_key: str


USERS = {
    name: Credentials(f"{name.upper():0<20}", f"secret-of-{name}-for-tests-only")
    for name in (SERVICE, FUSION, DASHBOARD)
}


@dataclass(frozen=True)
class S3Server:
    """A running server, with the credentials of one user."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    name: str
    users: Mapping[str, Credentials] = field(default_factory=lambda: USERS, repr=False)

    def as_user(self, user: str) -> S3Server:
        """Return the same server with the credentials of another user."""
        credentials = self.users[user]
        return dataclasses.replace(self, access_key=credentials.access_key, secret_key=credentials.secret_key)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for a command that uses the server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            # Ceph 16 answers 411 to a body whose checksum follows in a trailer, as pyarrow sends it.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def server_at(endpoint: str, name: str) -> S3Server:
    """Return the server at this address with the credentials of the product."""
    own = USERS[SERVICE]
    return S3Server(endpoint, own.access_key, own.secret_key, region="us-east-1", name=name)


def client(
    server: S3Server, *, attempts: int = 1, read_timeout: float = 10, service: str = "s3", **options: Any
) -> Any:
    """Make a boto3 client with path-style addresses. By default it makes one attempt, so that tests see every fault.

    Further options are those of botocore's Config.
    """
    settings: dict[str, Any] = {
        "s3": {"addressing_style": "path"},
        "retries": {"mode": "standard", "total_max_attempts": attempts},
        "connect_timeout": 5,
        "read_timeout": read_timeout,
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
    }
    return _session().client(
        service,
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
        config=Config(**settings | options),
    )


def keys_of(server: S3Server, bucket: str) -> set[str]:
    """Return the keys in a bucket of at most a thousand objects."""
    return {one["Key"] for one in client(server).list_objects_v2(Bucket=bucket).get("Contents", [])}


@functools.cache
def _session() -> boto3.session.Session:
    # Reading the service descriptions takes 0.3 s. A session does it once for all its clients.
    return boto3.session.Session()


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    """Make a call. Returns whether the server denies it to the user."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "403")
    return False
