"""Objects in a bucket: every transfer is checked, and tried again until it is complete.

A store can refuse a request for a moment, hang, cut a body short, or lose the answer to a write that it carried out.
Callers of this module see none of that: the object was stored completely, or an error says why not. After a lost answer
the object is looked up before another attempt.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote, urlencode

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from tribolake.errors import ConfigurationError, StoreUnavailable
from tribolake.settings import Settings

PART_BYTES = 16 * 2**20
CHUNK_BYTES = 2**20
SHA256 = "sha256"
MD5 = re.compile(r"^[0-9a-f]{32}$")
PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
# Errors that another attempt cannot change. All others may be transient.
FINAL = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidBucketName",
        "InvalidToken",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchVersion",
        "PermanentRedirect",
        "PreconditionFailed",
        "SignatureDoesNotMatch",
        "403",
        "404",
        "412",
    }
)
MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404"})
NO_CREDENTIALS = (
    "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role"
)
Answer = TypeVar("Answer")


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


@dataclass(frozen=True)
class Label:
    """Metadata (2 KB, ASCII) and tags (ten, 256 characters each) of an object."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class ObjectStore:
    """One bucket. `calls` counts calls by operation, each attempt included."""

    def __init__(self, bucket: str, client: Any, attempts: int) -> None:
        self.bucket = bucket
        self.calls: Counter[str] = Counter()
        self.client = client
        self._attempts = attempts
        self._counting = threading.Lock()
        client.meta.events.register("before-send.s3", self._count)

    @property
    def timeout_seconds(self) -> float:
        """Silence of a server after which an attempt fails."""
        return float(self.client.meta.config.read_timeout)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[StoredObject]:
        """List objects whose keys begin with `prefix`, in the order of their keys. A page of 1 000 is one call."""
        asked = {"Bucket": self.bucket, "Prefix": prefix} | ({"StartAfter": start_after} if start_after else {})
        while True:
            page = self.ask(lambda: self.client.list_objects_v2(**asked))
            for found in page.get("Contents", []):
                yield StoredObject(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = page["NextContinuationToken"]

    def head(self, key: str) -> StoredObject | None:
        """Return the description of an object. Returns None if there is no such object."""
        return self.ask(lambda: self._look(key))

    def get(
        self, key: str, into: IO[bytes], *, version_id: str | None = None, max_bytes: int | None = None
    ) -> StoredObject:
        """Write an object's content, complete and checked, into an open file.

        Raises:
            ObjectMissing: there is no such object.
            ObjectTooLarge: it has more than `max_bytes`. Nothing was read.
            StoreUnavailable: it could not be read completely.
        """
        which = {"Bucket": self.bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})

        def transfer() -> StoredObject:
            answer = self.client.get_object(**which)
            found = _described(key, answer)
            if max_bytes is not None and found.size_bytes > max_bytes:
                answer["Body"].close()
                raise ObjectTooLarge(found.size_bytes)
            into.seek(0)
            into.truncate()
            sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
            for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                into.write(chunk)
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
            if size != found.size_bytes:
                raise IncompleteTransfer(f"{size} of {found.size_bytes} bytes came")
            if _is_md5(found.etag, answer) and found.etag != md5.hexdigest():
                raise IncompleteTransfer("the content is not what the server stored")
            if found.sha256 not in (None, sha256.hexdigest()):
                raise ChecksumMismatch("the content is not what its writer said")
            into.flush()
            return found

        return self.ask(transfer)

    def read(self, key: str) -> tuple[bytes, StoredObject] | None:
        """Return the content of a small object and its description. Returns None if there is no such object."""
        content = io.BytesIO()
        try:
            found = self.get(key, content)
        except ObjectMissing:
            return None
        return content.getvalue(), found

    def put(
        self,
        key: str,
        content: Source | Path | bytes,
        label: Label | None = None,
        *,
        is_final: bool = False,
        before_each: Callable[[], None] = lambda: None,
    ) -> StoredObject:
        """Store an object, completely or not at all, and check the stored object.

        The server compares each transfer with its MD5. Afterwards the object must have the size and the SHA-256 of the
        content. If the answer was lost, the object is looked up before another attempt.

        Args:
            key: of the object.
            content: a file, the bytes themselves, or either as a source.
            label: metadata and tags of the object.
            is_final: the object must never change. A server that supports it refuses another content under this key.
            before_each: called before each attempt, the first included. Its exceptions end the attempts.

        Raises:
            StoreUnavailable: it could not be stored. The object before it is still there.
        """
        label = label or Label()
        source = _as_source(content)
        metadata = {name: quote(value, safe=" /:+=@.,-_~|") for name, value in label.metadata.items()}
        described: dict[str, Any] = {"Metadata": metadata | {SHA256: source.sha256}}
        # One store reads `+` in this header literally.
        tagged = {"Tagging": urlencode(label.tags, quote_via=quote)} if label.tags else {}
        is_in_parts = source.size_bytes > PART_BYTES
        condition = {"IfNoneMatch": "*"} if is_final else {}

        def transfer() -> StoredObject:
            try:
                if is_in_parts:
                    self._put_in_parts(key, source, described, before_each)
                else:
                    body = source.part(0)
                    self.client.put_object(
                        Bucket=self.bucket,
                        Key=key,
                        Body=body,
                        ContentMD5=_md5(body),
                        **described,
                        **tagged,
                        **condition,
                    )
            except (BotoCoreError, ClientError):
                found = self._look(key)
                if found is None or found.sha256 != source.sha256:
                    raise
                # Only the answer was lost.
            else:
                found = self._look(key)
                if found is None or (found.sha256, found.size_bytes) != (source.sha256, source.size_bytes):
                    raise IncompleteTransfer(f"{key} is not what was sent")
            if is_in_parts and label.tags:
                self._tag(key, label.tags)  # one store forgets the tags of an upload in parts
            return found

        return self.ask(transfer, before_each)

    def put_if_new(self, key: str, content: Source | Path | bytes, label: Label | None = None) -> StoredObject:
        """Store an object unless one with this content is there."""
        source = _as_source(content)
        found = self.head(key)
        return found if found is not None and found.sha256 == source.sha256 else self.put(key, source, label)

    def copy(self, source: str, key: str, *, before_each: Callable[[], None] = lambda: None) -> None:
        """Copy an object within the bucket, with metadata and tags. `before_each` is as for `put`."""

        def transfer() -> None:
            self.client.copy_object(Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source})

        self.ask(transfer, before_each)

    def delete(self, key: str, *, before_each: Callable[[], None] = lambda: None) -> None:
        """Remove an object. A missing object is not an error. A versioned bucket keeps its versions.

        `before_each` is as for `put`.
        """
        self.ask(lambda: self.client.delete_object(Bucket=self.bucket, Key=key), before_each)

    def tags(self, key: str) -> dict[str, str]:
        """Return the tags of an object."""
        found = self.ask(lambda: self.client.get_object_tagging(Bucket=self.bucket, Key=key))
        return {tag["Key"]: tag["Value"] for tag in found.get("TagSet", [])}

    def ask(self, call: Callable[[], Answer], before_each: Callable[[], None] = lambda: None) -> Answer:
        """Make a call of `client`. Tries again after growing pauses while the error may be transient.

        Args:
            call: may be made several times.
            before_each: called before each attempt. Its exceptions end the attempts.

        Raises:
            ObjectMissing: there is no such object.
            StoreUnavailable: the store refuses, or does not answer.
        """
        pause = PAUSE_SECONDS
        for attempt in range(1, self._attempts + 1):
            before_each()
            try:
                return call()
            except NoCredentialsError as error:
                raise ConfigurationError(NO_CREDENTIALS) from error
            except ClientError as error:
                if _code(error) in MISSING:
                    raise ObjectMissing(str(error)) from error
                if _code(error) in FINAL or attempt == self._attempts:
                    raise StoreUnavailable(f"s3://{self.bucket}: {error}") from error
            except (BotoCoreError, IncompleteTransfer, OSError) as error:
                if attempt == self._attempts:
                    raise StoreUnavailable(f"s3://{self.bucket}: {error}") from error
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads attempts, protects nothing
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        raise AssertionError("unreachable")

    def _look(self, key: str) -> StoredObject | None:
        """Ask once for an object's description."""
        try:
            return _described(key, self.client.head_object(Bucket=self.bucket, Key=key))
        except ClientError as error:
            if _code(error) in MISSING:
                return None
            raise

    def _tag(self, key: str, tags: Mapping[str, str]) -> None:
        wanted = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.client.put_object_tagging(Bucket=self.bucket, Key=key, Tagging={"TagSet": wanted})

    def _put_in_parts(
        self, key: str, source: Source, described: Mapping[str, Any], before_each: Callable[[], None]
    ) -> None:
        which = {"Bucket": self.bucket, "Key": key}
        upload = self.client.create_multipart_upload(**which, **described)["UploadId"]

        def send(number: int) -> dict[str, Any]:
            body = source.part(number)
            done = self.client.upload_part(
                **which, UploadId=upload, PartNumber=number + 1, Body=body, ContentMD5=_md5(body)
            )
            return {"PartNumber": number + 1, "ETag": done["ETag"]}

        try:
            with ThreadPoolExecutor(2) as threads:
                parts = list(threads.map(lambda number: self.ask(lambda: send(number)), range(source.parts)))
            before_each()  # sending the parts, which readers cannot see yet, may have taken minutes
            self.client.complete_multipart_upload(**which, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts cost money until the upload is aborted. An upload that was completed after all cannot be aborted.
            _quietly(lambda: self.client.abort_multipart_upload(**which, UploadId=upload))
            raise

    def _count(self, event_name: str, **_: Any) -> None:
        with self._counting:
            self.calls[event_name.rpartition(".")[2]] += 1


class ObjectMissing(StoreUnavailable):
    """There is no such object."""


class ObjectTooLarge(StoreUnavailable):
    """An object has more bytes than may be read. The size is the only argument."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


class IncompleteTransfer(Exception):
    """A transfer was not complete."""


class ChecksumMismatch(IncompleteTransfer):
    """The content has another SHA-256 than the object's metadata says."""


def open_store(settings: Settings) -> ObjectStore:
    """Open the bucket of a lake, once in each process. Credentials come from the standard AWS chain."""
    return _open_store(
        settings.s3.bucket,
        settings.s3.endpoint,
        settings.s3.region,
        settings.s3.timeout_seconds,
        settings.s3.attempts,
        os.getpid(),  # a connection is not shared with a process that was forked
    )


@cache
def _open_store(
    bucket: str, endpoint: str | None, region: str, timeout_seconds: float, attempts: int, _pid: int
) -> ObjectStore:
    client = boto3.session.Session(region_name=region).client(
        "s3",
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=timeout_seconds,
            read_timeout=timeout_seconds,
            # Attempts are made here, because boto3 does not ask again for a body that was cut short.
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"} if endpoint else {},
            # Not every store supports the newer checksums. Every store compares an MD5.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return ObjectStore(bucket, client, attempts)


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


def _as_source(content: Source | Path | bytes) -> Source:
    return content if isinstance(content, Source) else Source(content)


def _described(key: str, answer: Mapping[str, Any]) -> StoredObject:
    version = answer.get("VersionId")
    return StoredObject(
        key,
        int(answer["ContentLength"]),
        str(answer["ETag"]).strip('"'),
        answer["LastModified"],
        None if version in (None, "null") else str(version),
        dict(answer.get("Metadata", {})),
    )


def _is_md5(etag: str, answer: Mapping[str, Any]) -> bool:
    """Return True if an ETag is the MD5 of the content: not after an upload in parts, nor with the server's keys."""
    has_keys = str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer
    return MD5.match(etag) is not None and not has_keys


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _quietly(call: Callable[[], object]) -> None:
    try:
        call()
    except (BotoCoreError, ClientError):
        return
