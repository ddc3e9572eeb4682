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
from itertools import groupby

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

    A mark that says that an object was deleted counts for nothing: it hides versions from some readers only.
    """
    for _, versions in groupby(_whole_keys(store, prefix), key=lambda version: version.key):
        yield from reversed(list(versions))  # servers name the last one first


def _whole_keys(store: ObjectStore, prefix: str) -> Iterator[ObjectVersion]:
    """The versions under a prefix, as servers list them.

    A page that ends within a key goes on after the key before it. To go on after a version is no good: where that one
    was removed meanwhile, Ceph passes over the rest of its key, and moto over everything.
    """
    asked, after = {"Bucket": store.bucket, "Prefix": prefix}, ""
    while True:
        page = store.ask(lambda: store.client.list_object_versions(**asked))
        # Some servers begin with the key itself, when they are asked for what comes after it.
        versions, marks = (
            [found for found in page.get(kind, []) if found["Key"] > after] for kind in ("Versions", "DeleteMarkers")
        )
        keys = sorted({found["Key"] for found in versions + marks})
        cut = keys[-1] if page.get("IsTruncated") and len(keys) > 1 else None
        yield from (
            ObjectVersion(found["Key"], found["VersionId"], found["Size"]) for found in versions if found["Key"] != cut
        )
        if not page.get("IsTruncated"):
            return
        if cut is not None:
            asked["KeyMarker"] = after = keys[-2]
            asked.pop("VersionIdMarker", None)
        else:  # a key has more versions than a page
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
