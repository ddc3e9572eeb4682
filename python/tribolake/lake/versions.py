"""What was stored first under a key, whatever was stored there later.

Two programs that store an object under one key at once must agree on whose it is. A server that knows `If-None-Match`
refuses the second one. Ceph 16 does not on a bucket with versions, where it keeps both; there the order of the
versions, which is that in which they were stored, says which was first. Between them they serve every bucket: where
there are no versions, the condition is known.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tribolake.lake.store import MD5, SHA256, CutShort, ObjectStore, ObjectTooLarge

REFUSED = ("PreconditionFailed", "412")


@dataclass(frozen=True)
class ObjectVersion:
    """A version of an object; in a bucket without versions there is one, whose id is `null`."""

    key: str
    version_id: str
    size_bytes: int


def list_versions(store: ObjectStore, prefix: str) -> Iterator[ObjectVersion]:
    """The versions under a prefix, by key, of each key the first that was stored first; a page of 1 000 is one call.

    A key whose object was deleted, and not stored again, has none.
    """
    asked: dict[str, Any] = {"Bucket": store.bucket, "Prefix": prefix}
    of_one_key: list[ObjectVersion] = []
    deleted: set[str] = set()
    while True:
        page = store.ask(lambda: store.client.list_object_versions(**asked))
        deleted |= {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]}
        for found in page.get("Versions", []):
            version = ObjectVersion(found["Key"], found["VersionId"], found["Size"])
            if of_one_key and of_one_key[0].key != version.key:
                yield from reversed(of_one_key)  # servers name the last one first
                of_one_key = []
            if version.key not in deleted:
                of_one_key.append(version)
        if not page.get("IsTruncated"):
            yield from reversed(of_one_key)
            return
        asked["KeyMarker"] = page["NextKeyMarker"]
        asked["VersionIdMarker"] = page.get("NextVersionIdMarker", "")


def read_version(store: ObjectStore, version: ObjectVersion, max_bytes: int) -> bytes:
    """The content of a version, as the server stored it; what its writer said of it counts for nothing.

    Raises:
        ObjectMissing: it is gone.
        ObjectTooLarge: it has more than `max_bytes`.
        StoreUnavailable: it could not be had whole.
    """

    def transfer() -> bytes:
        answer = store.client.get_object(Bucket=store.bucket, Key=version.key, VersionId=version.version_id)
        with closing(answer["Body"]) as body:
            if answer["ContentLength"] > max_bytes:
                raise ObjectTooLarge(answer["ContentLength"])
            content: bytes = body.read()
        if len(content) != answer["ContentLength"]:
            raise CutShort(f"{len(content)} of {answer['ContentLength']} bytes came")
        etag, encryption = str(answer["ETag"]).strip('"'), str(answer.get("ServerSideEncryption", ""))
        is_md5 = MD5.match(etag) is not None and not encryption.startswith("aws:kms")
        if is_md5 and etag != hashlib.md5(content, usedforsecurity=False).hexdigest():
            raise CutShort("the content is not what the server stored")
        return content

    return store.ask(transfer)


def put_new(store: ObjectStore, key: str, content: bytes) -> ObjectVersion | None:
    """Store an object where there is none.

    Returns:
        What was stored. It need not be the first: only `list_versions` tells. None where the server refused because an
        object is there, which may be this very one: the answer to an earlier attempt can have been lost.

    Raises:
        StoreUnavailable: the store does not answer; the object may have been stored.
    """
    md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    described = {SHA256: hashlib.sha256(content).hexdigest()}

    def transfer() -> ObjectVersion | None:
        try:
            answer = store.client.put_object(
                Bucket=store.bucket, Key=key, Body=content, ContentMD5=md5, IfNoneMatch="*", Metadata=described
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in REFUSED:
                return None
            raise
        return ObjectVersion(key, answer.get("VersionId", "null"), len(content))

    return store.ask(transfer)


def delete_version(store: ObjectStore, version: ObjectVersion) -> None:
    """Remove a version for ever, and no other; none there is no error."""
    store.ask(lambda: store.client.delete_object(Bucket=store.bucket, Key=version.key, VersionId=version.version_id))
