"""Lay out the bronze contents that a manifest names, as they were: key, content and time of modification."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.publish.files import sha256_of
from tribolake.settings import Settings


class BronzeGone(TribolakeError):
    """Bronze contents that a run used are not there any more (exit 1)."""


def lay_out(settings: Settings, sources: Iterable[Mapping[str, Any]], root: Path) -> int:
    """Copy contents into a lake of their own.

    On S3 an object is asked for by its version; in a folder the file at the key must still hold the same.

    Args:
        settings: the lake that has them.
        sources: of manifests: key, version_id, sha256.
        root: folder of the other lake.

    Returns:
        How many there were.

    Raises:
        BronzeGone: some are not there any more; the message names them.
    """
    wanted = {(checked_key(settings, str(source["key"])), source["version_id"], source["sha256"]) for source in sources}
    gone = []
    for key, version_id, sha256 in sorted(wanted, key=str):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if not (_take_file(settings, key, sha256, path) or _take_object(settings, key, version_id, sha256, path)):
            gone.append(f"{key} (SHA-256 {sha256[:12]}…{f', version {version_id}' if version_id else ''})")
    if gone:
        raise BronzeGone(
            f"{len(gone)} of {len(wanted)} bronze contents are not there any more as the run read them: "
            f"{'; '.join(gone)}. Put them back under their keys; a versioned bucket would have kept them"
        )
    return len(wanted)


def checked_key(settings: Settings, key: str) -> str:
    """A key of bronze.

    Raises:
        ConfigurationError: it leads elsewhere.
    """
    parts = key.split("/")
    if not key.startswith(f"{settings.prefix}/bronze/") or "" in parts or "." in parts or ".." in parts:
        raise ConfigurationError(f"a manifest names {key[:200]!r}, which is not in bronze: it was not written by a run")
    return key


def _take_file(settings: Settings, key: str, sha256: str, path: Path) -> bool:
    """Take a content from the lake's folder, if that has it."""
    if settings.is_on_s3:
        return False
    source = settings.lake / key
    if not source.is_file() or sha256_of(source) != sha256:
        return False
    shutil.copyfile(source, path)
    stat = source.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return True


def _take_object(settings: Settings, key: str, version_id: str | None, sha256: str, path: Path) -> bool:
    """Take a version of an object from the lake's bucket, if that has it."""
    if not settings.uses_s3:
        return False
    from tribolake.lake.store import ObjectMissing, open_store  # noqa: PLC0415 - a folder needs no S3 library

    with path.open("w+b") as file:
        try:
            stored = open_store(settings).get(key, file, version_id=version_id)
        except ObjectMissing:
            return False
    if sha256_of(path) != sha256:
        return False
    modified_at = stored.modified_at.timestamp()
    os.utime(path, (modified_at, modified_at))
    return True
