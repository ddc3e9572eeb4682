"""Objects of a bucket: what the store says of one, and what is sent to it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tribolake.errors import StoreUnavailable

PART_BYTES = 16 * 2**20
SHA256 = "sha256"
ARCHIVED_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
RESTORED = 'ongoing-request="false"'
MD5 = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True)
class StoredObject:
    """An object as the store describes it. `metadata` is empty for an object from a listing."""

    key: str
    size_bytes: int
    etag: str
    modified_at: datetime
    version_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        """SHA-256 that the writer noted. None if another program stored the object."""
        return self.metadata.get(SHA256)


class Source:
    """Content to store, in parts. It is read once for its size and SHA-256."""

    def __init__(self, content: Path | bytes) -> None:
        self._content = content
        if isinstance(content, bytes):
            self.size_bytes, self.sha256 = len(content), hashlib.sha256(content).hexdigest()
        else:
            with content.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self.size_bytes = file.tell()

    @property
    def parts(self) -> int:
        return -(-self.size_bytes // PART_BYTES)

    def part(self, number: int) -> bytes:
        if isinstance(self._content, bytes):
            return self._content[number * PART_BYTES : (number + 1) * PART_BYTES]
        with self._content.open("rb") as file:
            file.seek(number * PART_BYTES)
            return file.read(PART_BYTES)


def described(key: str, answer: Mapping[str, Any]) -> StoredObject:
    """Return what the answer to a GET or HEAD says of an object.

    Raises:
        StoreUnavailable: it does not say enough to check a transfer.
    """
    missing = [name for name in ("ContentLength", "ETag", "LastModified") if name not in answer]
    if missing:
        raise StoreUnavailable(
            f"the answer for {key!a} has no {' and no '.join(missing)}, so no transfer can be checked. A proxy may "
            "remove it: let it pass, or connect without the proxy"
        )
    version = answer.get("VersionId")
    return StoredObject(
        key,
        int(answer["ContentLength"]),
        str(answer["ETag"]).strip('"'),
        answer["LastModified"],
        None if version in (None, "null") else str(version),
        dict(answer.get("Metadata", {})),
    )


def is_archived(answer: Mapping[str, Any]) -> bool:
    """Return whether an object must be restored before it can be read. A restore that goes on is not enough."""
    is_in_archive = answer.get("StorageClass") in ARCHIVED_CLASSES or "ArchiveStatus" in answer
    return is_in_archive and RESTORED not in answer.get("Restore", "")


def is_md5(etag: str, answer: Mapping[str, Any]) -> bool:
    """Return True if an ETag is the MD5 of the content: not after an upload in parts, nor with the server's keys."""
    has_keys = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    return MD5.match(etag) is not None and not has_keys


def md5_header(content: bytes) -> str:
    """Return the header by which the server checks a transfer."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
