"""Durable files: what is said to be written is on the disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def sync_file(path: Path) -> None:
    _sync(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path)


def write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def replace_durably(aside: Path, path: Path) -> None:
    """Move a finished file into place: readers see the old one or the new one."""
    sync_file(aside)
    aside.replace(path)
    sync_folder(path.parent)


def point_link(link: Path, target: str) -> None:
    """Point a relative symbolic link somewhere else in one step."""
    aside = link.with_name(f".{link.name}.next")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target)
    aside.replace(link)
    sync_folder(link.parent)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
