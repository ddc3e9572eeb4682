"""A file in bronze, as a listing of any lake shows it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

CLIENT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")


@dataclass(frozen=True)
class BronzeFile:
    """A bronze file as a listing shows it. `key` is relative to the lake, with `/` between folders."""

    client: str
    key: str
    size_bytes: int
    modified_at: datetime
    partition_date: date | None
    # What else the store says of this version, as `place:stamp`: the ETag, or when the system changed the file.
    # Stamps of different places cannot be compared. Empty if nothing is known.
    version: str = field(default="", compare=False)


@dataclass(frozen=True)
class Listing:
    """What a look at bronze found.

    `files` are in the order of their keys. `passed_over` counts the names that are not deliveries, by kind: see
    `lake/ignored.py`. A folder counts once, whatever it holds. `skipped_links` are keys of links that lead out of the
    folder of their client. `unread_folders` are keys of folders that the system does not show: their files are unknown.
    """

    files: list[BronzeFile]
    passed_over: dict[str, int] = field(default_factory=dict)
    skipped_links: list[str] = field(default_factory=list)
    unread_folders: list[str] = field(default_factory=list)


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
