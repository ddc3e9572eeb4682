"""Calls of the last run on this machine to the object store, for `tribolake status`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tribolake.lake.files import read_json, write_aside

FILE_NAME = "calls.json"


def keep_calls(state: Path, calls: Mapping[str, int]) -> None:
    """Write the calls of a run, by operation. A run in a folder makes none."""
    if calls:
        write_aside(state / FILE_NAME, json.dumps(dict(calls)))


def last_calls(state: Path) -> dict[str, int]:
    """Read the calls of the last run, by operation, with repeated attempts. Empty if it made none."""
    try:
        return {str(name): int(count) for name, count in read_json(state / FILE_NAME).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
