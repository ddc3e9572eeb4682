"""Calls of the last run on this machine to the object store, for `tribolake status`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "calls.json"


def keep_calls(state: Path, calls: Mapping[str, int]) -> None:
    """Write the calls of a run, by operation. A run in a folder makes none."""
    if calls:
        (state / FILE_NAME).write_text(json.dumps(dict(calls)), encoding="utf-8")


def last_calls(state: Path) -> dict[str, int]:
    """Read the calls of the last run, by operation, with repeated attempts. Empty if it made none."""
    try:
        found: dict[str, int] = json.loads((state / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
