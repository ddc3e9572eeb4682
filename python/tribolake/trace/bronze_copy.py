"""Lay out the bronze contents that a manifest names, as they were: key, content and time of modification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.lake.objects import open_places
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
    places = open_places(settings)
    wanted = {(checked_key(settings, str(source["key"])), source["version_id"], source["sha256"]) for source in sources}
    gone = []
    for key, version_id, sha256 in sorted(wanted, key=str):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if not any(place.take(key, sha256, version_id, path) for place in places):
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
