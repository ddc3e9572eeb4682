"""A file in bronze, as a listing of any lake shows it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

CLIENT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")
# Office lock files, hidden files and unfinished copies are not arrivals.
NOT_YET_A_FILE = re.compile(r"^(~\$|\.)|\.(tmp|part|partial|crdownload)$", re.IGNORECASE)


@dataclass(frozen=True)
class BronzeFile:
    """A bronze file as a listing shows it. `key` is relative to the lake, with `/` between folders."""

    client: str
    key: str
    size_bytes: int
    modified_at: datetime
    partition_date: date | None


def fingerprint(content: bytes) -> str:
    """Return the SHA-256 of a file's content, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def partition_date(folders: Sequence[str]) -> date | None:
    """Return the arrival date from a folder name such as `2026-01-31`. Returns None if no folder is a date."""
    for folder in folders:
        try:
            return date.fromisoformat(folder)
        except ValueError:
            continue
    return None
