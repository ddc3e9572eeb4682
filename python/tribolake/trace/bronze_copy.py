"""Copy the bronze contents that a manifest names: key, content and modification time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.lake.inbox import Inbox
from tribolake.lake.replicas import open_replicas
from tribolake.settings import Settings


class BronzeGone(TribolakeError):
    """Bronze contents that a run used are gone (exit 1)."""


def lay_out(settings: Settings, sources: Iterable[Mapping[str, Any]], root: Path, inbox: Inbox | None = None) -> int:
    """Copy bronze contents into another lake.

    On S3 an object is fetched by its version. In a folder the file at the key must still have the same content.

    Args:
        settings: the lake that has them.
        sources: of manifests: key, version_id, sha256.
        root: folder of the other lake.
        inbox: where files arrive in the lake; None is `bronze` in the folder of the product.

    Returns:
        The number of contents.

    Raises:
        BronzeGone: some are gone. The message names them.
    """
    places = open_replicas(settings)
    wanted = {
        (checked_key(settings, str(source["key"]), inbox), source["version_id"], source["sha256"]) for source in sources
    }
    gone = []
    for key, version_id, sha256 in sorted(wanted, key=str):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if not any(place.take(key, sha256, version_id, path) for place in places):
            gone.append(f"{key} (SHA-256 {sha256[:12]}…{f', version {version_id}' if version_id else ''})")
    if gone:
        raise BronzeGone(
            f"{len(gone)} of {len(wanted)} bronze contents are not there any more as the run read them: "
            f"{'; '.join(gone)}. Restore them under their keys. Only a versioned bucket keeps overwritten files"
        )
    return len(wanted)


def checked_key(settings: Settings, key: str, inbox: Inbox | None = None) -> str:
    """Return a key if it is where files arrive; an inbox of None is bronze.

    Raises:
        ConfigurationError: it is not there.
    """
    parts = key.split("/")
    folder = (inbox or Inbox.below(settings.prefix)).folder
    if not key.startswith(f"{folder}/") or "" in parts or "." in parts or ".." in parts:
        raise ConfigurationError(
            f"a manifest names {key[:200]!r}, which is not in {folder}: it was not written by a run"
        )
    return key
