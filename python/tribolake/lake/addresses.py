"""Presigned addresses: whoever has one reads one version of one object, for a few minutes and without credentials."""

from __future__ import annotations

from tribolake.lake.content import ObjectAddress
from tribolake.lake.store import ObjectStore
from tribolake.lake.stored import described, is_md5

VALID_SECONDS = 300


def address_of(store: ObjectStore, key: str, etag: str) -> ObjectAddress | None:
    """Return an address of the version of an object that was listed with this ETag.

    Returns None if the newest version is another one, or the bucket keeps no versions: such an address would name
    whatever is stored under the key when it is opened.

    Raises:
        StoreUnavailable: the store does not answer, or has no such object.
    """
    answer = store.ask(lambda: store.client.head_object(Bucket=store.bucket, Key=key))
    found = described(key, answer)
    if found.version_id is None or found.etag != etag:
        return None
    which = {"Bucket": store.bucket, "Key": key, "VersionId": found.version_id}
    return ObjectAddress(
        store.client.generate_presigned_url("get_object", which, ExpiresIn=VALID_SECONDS),
        found.version_id,
        found.size_bytes,
        etag if is_md5(etag, answer) else None,
        found.sha256,
        store.timeout_seconds,
    )
