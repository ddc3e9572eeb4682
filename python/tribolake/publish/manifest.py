"""The manifest of a publication: parsed, and the files that it lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tribolake.lake.files import read_regular

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
FILE_NAME = re.compile(r"^[A-Za-z0-9_]+\.(parquet|json)$")
SHA256 = re.compile(r"^[0-9a-f]{64}$")


def kept_files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of gold files that snapshots have. Only tables without history say so."""
    return [file for file in manifest["files"] if file.get("has_history", True)]


def listed_files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of all files of a version. Manifests of early releases list gold only."""
    return [*manifest["files"], *manifest.get("followers", ())]


def parse_manifest(content: bytes | None) -> dict[str, Any] | None:
    """Parse a manifest. Returns None if it is missing or damaged."""
    if content is None:
        return None
    try:
        manifest: dict[str, Any] = json.loads(content)
        files = listed_files(manifest)
        is_whole = (
            RUN_ID.match(manifest["run_id"])
            and isinstance(manifest["policy"], str)
            and isinstance(manifest["sources"], list)
            and datetime.fromisoformat(manifest["published_at"])
            and manifest["files"]
            and all(FILE_NAME.match(file["name"]) and SHA256.match(file["sha256"]) for file in files)
            and all(isinstance(file["bytes"], int) for file in files)
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return manifest if is_whole else None


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Read a manifest. Returns None if it is missing or damaged."""
    try:
        return parse_manifest(read_regular(path))
    except OSError:
        return None


def continues(manifest: Mapping[str, Any], run_id: str | None, kept: Callable[[str], Mapping[str, Any] | None]) -> bool:
    """Return whether a manifest is that of a run, or of one that replaced it.

    Args:
        manifest: what readers see.
        run_id: the run that published last. Without one there is nothing to compare.
        kept: reads the kept manifest of a run.
    """
    seen: set[str] = set()
    found: Mapping[str, Any] | None = manifest
    while run_id and found and found["run_id"] not in (run_id, *seen):
        seen.add(found["run_id"])
        found = kept(found["replaces"]) if found.get("replaces") else None
    return run_id is None or (found is not None and found["run_id"] == run_id)
