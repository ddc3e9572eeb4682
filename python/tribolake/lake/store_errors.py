"""Errors of a bucket: which another attempt cannot change, and what to do about them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tribolake.errors import StoreUnavailable
from tribolake.lake.aws import aws_errors
from tribolake.lake.content import ARCHIVED

# Errors that another attempt cannot change, besides those with the status 301, 401 or 403. All others may be transient.
FINAL = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidBucketName",
        "InvalidToken",
        "MethodNotAllowed",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchVersion",
        "NotImplemented",
        "PreconditionFailed",
        "404",
        "412",
    }
)
REFUSED = frozenset({301, 401, 403})
EXISTS = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
# What to do about a refusal, by its code.
ADVICE = {
    "AccessDenied": "give this role or user the permission",
    "403": "give this role or user the permission",  # a head request has no code but its status
    "ExpiredToken": "renew the credentials, which needs no restart",
    "InvalidAccessKeyId": "correct the credentials, which needs no restart",
    "InvalidToken": "renew the credentials, which needs no restart",
    "NoSuchBucket": "correct the name of the bucket, or make it",
    "RequestTimeTooSkewed": "set the clock of this machine, for instance by NTP",
    "SignatureDoesNotMatch": "correct the credentials, which needs no restart",
    "AuthorizationHeaderMalformed": "set TRIBOLAKE_AWS_REGION to the region of the bucket",
    "PermanentRedirect": "set TRIBOLAKE_AWS_REGION to the region of the bucket",
    "301": "set TRIBOLAKE_AWS_REGION to the region of the bucket",
}
# Of any other error, which may pass.
TRY_LATER = ". Nothing is left half done: check the network and the store, then start the command again"
NO_RETRIES = " (reached max retries: 0)"  # botocore says so, because attempts are made here


class ObjectMissing(StoreUnavailable):
    """There is no such object."""


class ObjectTooLarge(StoreUnavailable):
    """An object has more bytes than may be read. The size is the only argument."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


class ObjectArchived(StoreUnavailable):
    """An object must be restored before it can be read. The message has the command."""

    def __init__(self, bucket: str, key: str, storage_class: str) -> None:
        super().__init__(
            f"{ARCHIVED} {storage_class} and cannot be read. Restore it, and a run reads it: "
            f"aws s3api restore-object --bucket {bucket} --key {shlex.quote(key)} --restore-request Days=7"
        )


class IncompleteTransfer(Exception):
    """A transfer was not complete."""


class ChecksumMismatch(IncompleteTransfer):
    """The content has another SHA-256 than the object's metadata says."""


@contextmanager
def naming_archived(bucket: str, key: str) -> Iterator[None]:
    """Name an object that the store cannot read before it is restored."""
    try:
        yield
    except aws_errors.ClientError as error:
        if code_of(error) == "InvalidObjectState":
            raise ObjectArchived(bucket, key, storage_class_of(error)) from error
        raise


def code_of(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_final_error(error: Any) -> bool:
    """Return True if another attempt cannot change an error."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return code_of(error) in FINAL or status in REFUSED or code_of(error).startswith("KMS.")


def advice_on(error: Any) -> str:
    advice = ADVICE.get(code_of(error))
    if advice:
        return f": {advice}"
    return "" if is_final_error(error) else TRY_LATER


def storage_class_of(error: Any) -> str:
    return str(error.response.get("Error", {}).get("StorageClass", "GLACIER"))
