"""Durable files: written content is on the disk, and a public name never shows an incomplete file."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def sync_file(path: Path) -> None:
    _sync(path)


def sync_folder(path: Path) -> None:
    """Sync the names in a folder."""
    _sync(path)


def sync_up(path: Path, root: Path) -> None:
    """Sync the name of a file or folder and the names of its parent folders up to `root`."""
    for folder in path.parents:
        sync_folder(folder)
        if folder == root:
            return


def make_folder(path: Path, root: Path) -> None:
    """Make a folder durably.

    An existing folder is synced too, because a killed process may have made it without a sync.
    """
    path.mkdir(parents=True, exist_ok=True)
    sync_up(path, root)


def write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def append_durably(path: Path, content: bytes) -> None:
    """Append in one write. The caller syncs the name of the file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def partial_path(path: Path) -> Path:
    """Return the path next to a file where its next content is written. No file is there afterwards.

    A leftover of a crash is removed, never overwritten: it may be a hard link to the published file.
    """
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    return partial


def replace_durably(partial: Path, path: Path) -> None:
    """Move a finished file into place. Readers see the old file or the new file."""
    sync_file(partial)
    partial.replace(path)
    sync_folder(path.parent)


def point_link(link: Path, target: str) -> None:
    """Replace the target of a relative symbolic link in one step."""
    following = link.with_name(f".{link.name}.next")
    following.unlink(missing_ok=True)
    following.symlink_to(target)
    following.replace(link)
    sync_folder(link.parent)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a finished file, which never changes. Copy it durably if the file system has no hard links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        sync_file(target)


def place_file(finished: Path, path: Path, root: Path) -> None:
    """Publish a finished file, which never changes, under a second name. Readers see the old file or the new file.

    A file that is there already is synced too, because a killed process may have placed it without a sync.
    """
    make_folder(path.parent, root)
    partial = partial_path(path)
    if path.exists() and sha256_of(path) == sha256_of(finished):
        sync_file(path)
        sync_folder(path.parent)
        return
    link_or_copy(finished, partial)
    replace_durably(partial, path)


def place_folder(files: Iterable[Path], folder: Path) -> None:
    """Make a folder of finished files. The folder is complete as soon as its name exists.

    The parent folder must exist. An earlier folder of this name is removed first.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    remove_folder(partial)
    partial.mkdir()
    for file in files:
        link_or_copy(file, partial / file.name)
    sync_folder(partial)
    remove_folder(folder)
    partial.replace(folder)
    sync_folder(folder.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder that no link points to any more."""
    if path.exists():
        shutil.rmtree(path)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
