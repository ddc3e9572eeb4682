"""Objects in a bucket: every transfer is checked, and tried again until it is complete.

A store can refuse a request for a moment, hang, cut a body short, or lose the answer to a write that it carried out.
Callers of this module see none of that: the object was stored completely, or an error says why not. After a lost answer
the object is looked up before another attempt.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from tribolake.errors import StoreUnavailable
from tribolake.lake.attempts import Answer, ask
from tribolake.lake.aws import aws_errors, open_client
from tribolake.lake.labels import Label, require_allowed
from tribolake.lake.objects import ObjectExists
from tribolake.lake.store_errors import (
    EXISTS,
    MISSING,
    ChecksumMismatch,
    IncompleteTransfer,
    ObjectMissing,
    ObjectTooLarge,
    code_of,
    naming_archived,
)
from tribolake.lake.stored import PART_BYTES, SHA256, Source, StoredObject, described, is_archived, is_md5, md5_header
from tribolake.lake.upload_in_parts import upload_in_parts
from tribolake.settings import Settings

CHUNK_BYTES = 2**20


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
        begin = {"StartAfter": start_after} if start_after else {}
        for page in self._pages(self.client.list_objects_v2, Prefix=prefix, **begin):
            for found in page.get("Contents", []):
                yield StoredObject(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"])

    def folders(self, prefix: str) -> set[str]:
        """List the names of the folders in a folder, whose key ends with `/`. A page of 1 000 is one call."""
        pages = self._pages(self.client.list_objects_v2, Prefix=prefix, Delimiter="/")
        found = (one["Prefix"] for page in pages for one in page.get("CommonPrefixes", []))
        return {key.removeprefix(prefix).rstrip("/") for key in found}

    def head(self, key: str) -> StoredObject | None:
        """Return the description of an object. Returns None if there is no such object."""
        return self.ask(lambda: self._look(key))

    def get(
        self,
        key: str,
        into: IO[bytes],
        *,
        version_id: str | None = None,
        max_bytes: int | None = None,
        may_be_altered: bool = False,
    ) -> StoredObject:
        """Write an object's content, complete and checked, into an open file.

        Another program may have written over an object and left the SHA-256 of its writer in the metadata. With
        `may_be_altered` such content counts too: the caller finds out what is in it.

        Raises:
            ObjectArchived: it must be restored first.
            ObjectMissing: there is no such object.
            ObjectTooLarge: it has more than `max_bytes`. Nothing was read.
            StoreUnavailable: it could not be read completely.
        """
        which = {"Bucket": self.bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})

        def transfer() -> StoredObject:
            with naming_archived(self.bucket, key):
                answer = self.client.get_object(**which)
            found = described(key, answer)
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
            if is_md5(found.etag, answer) and found.etag != md5.hexdigest():
                raise IncompleteTransfer("the content is not what the server stored")
            if found.sha256 not in (None, sha256.hexdigest()) and not may_be_altered:
                raise ChecksumMismatch("the content is not what its writer said")
            into.flush()
            return found

        return self.ask(transfer)

    def is_archived(self, key: str) -> bool:
        """Return whether an object must be restored before it can be read. A restore that goes on is not enough."""
        try:
            found = self.ask(lambda: self.client.head_object(Bucket=self.bucket, Key=key))
        except ObjectMissing:
            return False
        return is_archived(found)

    def read(self, key: str) -> tuple[bytes, StoredObject] | None:
        """Return the content of a small object, as it is now, and its description. None if there is no such object."""
        content = io.BytesIO()
        try:
            found = self.get(key, content, may_be_altered=True)
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
        described: dict[str, Any] = {"Metadata": label.escaped | {SHA256: source.sha256}}
        # One store reads `+` in this header literally.
        tagged = {"Tagging": urlencode(label.tags, quote_via=quote)} if label.tags else {}
        is_in_parts = source.size_bytes > PART_BYTES
        condition = {"IfNoneMatch": "*"} if is_final else {}

        def transfer() -> StoredObject:
            try:
                if is_in_parts:
                    which = {"Bucket": self.bucket, "Key": key}
                    upload_in_parts(self.client, which, source, described, self.ask, before_each)
                else:
                    body = source.part(0)
                    self.client.put_object(
                        Bucket=self.bucket,
                        Key=key,
                        Body=body,
                        ContentMD5=md5_header(body),
                        **described,
                        **tagged,
                        **condition,
                    )
            except (aws_errors.BotoCoreError, aws_errors.ClientError):
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

    def put_new(self, key: str, content: bytes, label: Label) -> StoredObject:
        """Store an object under a new key. Its label is checked before anything is sent.

        A store that does not refuse a second writer keeps both versions: this is found afterwards. The same content
        under the same key is the same object.

        Raises:
            LabelRefused: S3 would refuse the label.
            ObjectExists: the key has another content.
            StoreUnavailable: it could not be stored.
        """
        source = _as_source(content)
        require_allowed(label, reserved_bytes=len(SHA256) + len(source.sha256))
        found = self.head(key)
        if found is None:
            try:
                found = self.put(key, source, label, is_final=True)
            except StoreUnavailable as error:
                if not isinstance(error.__cause__, aws_errors.ClientError) or code_of(error.__cause__) not in EXISTS:
                    raise
                raise ObjectExists(f"s3://{self.bucket}/{key} exists") from error
            if len(self.versions(key)) > 1:
                raise StoreUnavailable(
                    f"s3://{self.bucket}/{key} was written by two programs at once: both versions are kept, look which "
                    "one counts, and fetch again"
                )
        if found.sha256 != source.sha256:
            raise ObjectExists(f"s3://{self.bucket}/{key} exists")
        return found

    def versions(self, key: str) -> tuple[str, ...]:
        """List the version ids of an object, the latest first. Without versions, the id is `null`."""
        found = self.ask(lambda: self.client.list_object_versions(Bucket=self.bucket, Prefix=key, MaxKeys=100))
        return tuple(version["VersionId"] for version in found.get("Versions", []) if version["Key"] == key)

    def list_versions(self, prefix: str) -> Iterator[StoredObject]:
        """List every version of the objects whose keys begin with `prefix`. A page of 1 000 is one call."""
        for page in self._pages(self.client.list_object_versions, Prefix=prefix):
            for found in page.get("Versions", []):
                version = None if found["VersionId"] == "null" else found["VersionId"]
                yield StoredObject(
                    found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"], version
                )

    def put_if_new(self, key: str, content: Source | Path | bytes, label: Label | None = None) -> StoredObject:
        """Store an object unless one with this content is there."""
        source = _as_source(content)
        found = self.head(key)
        return found if found is not None and found.sha256 == source.sha256 else self.put(key, source, label)

    def copy(self, source: str, key: str, *, before_each: Callable[[], None] = lambda: None) -> None:
        """Copy an object within the bucket, with metadata and tags. `before_each` is as for `put`."""

        def transfer() -> None:
            with naming_archived(self.bucket, source):
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
        """Make a call of `client`, again after a pause while the error may pass: see `attempts.ask`."""
        return ask(self.bucket, self._attempts, call, before_each)

    def _pages(self, call: Callable[..., dict[str, Any]], **asked: str) -> Iterator[dict[str, Any]]:
        """Ask for a listing, page by page."""
        while True:
            page = self.ask(partial(call, Bucket=self.bucket, **asked))
            yield page
            if not page.get("IsTruncated"):
                return
            # `NextContinuationToken` of a page is the `ContinuationToken` that asks for the next one, and so on.
            asked |= {name.removeprefix("Next"): value for name, value in page.items() if name.startswith("Next")}

    def _look(self, key: str) -> StoredObject | None:
        """Ask once for an object's description."""
        try:
            return described(key, self.client.head_object(Bucket=self.bucket, Key=key))
        except aws_errors.ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise

    def _tag(self, key: str, tags: Mapping[str, str]) -> None:
        wanted = [{"Key": name, "Value": value} for name, value in tags.items()]
        self.client.put_object_tagging(Bucket=self.bucket, Key=key, Tagging={"TagSet": wanted})

    def count(self, operation: str) -> None:
        """Count a call: one of another process with an address of this store, for instance."""
        with self._counting:
            self.calls[operation] += 1

    def _count(self, event_name: str, **_: Any) -> None:
        self.count(event_name.rpartition(".")[2])


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
    client = open_client(
        "s3",
        region,
        endpoint,
        signature_version="s3v4",  # of presigned addresses too
        connect_timeout=timeout_seconds,
        read_timeout=timeout_seconds,
        # Attempts are made here, because boto3 does not ask again for a body that was cut short.
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"} if endpoint else {},
        # Not every store supports the newer checksums. Every store compares an MD5.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return ObjectStore(bucket, client, attempts)


def _as_source(content: Source | Path | bytes) -> Source:
    return content if isinstance(content, Source) else Source(content)
