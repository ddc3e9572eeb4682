"""Durable files: what is said to be written is on the disk, and a name never shows half of something."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path


def sync_file(path: Path) -> None:
    _sync(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    _sync(path)


def sync_up(path: Path, root: Path) -> None:
    """Make the name of a file or folder durable, and the names of the folders that lead to it from `root`."""
    for folder in path.parents:
        sync_folder(folder)
        if folder == root:
            return


def make_folder(path: Path, root: Path) -> None:
    """Make a folder durably.

    A folder that is there already is synced too: a process that was killed may have made it without doing so.
    """
    path.mkdir(parents=True, exist_ok=True)
    sync_up(path, root)


def write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def append_durably(path: Path, content: bytes) -> None:
    """Append in one write; the file's own name is synced by the caller."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_aside(path: Path) -> Path:
    """The name beside a file under which its next content is written; nothing is there.

    What a crash left there is removed, never written over: it may be the published file under a second name.
    """
    aside = path.with_suffix(".partial")
    aside.unlink(missing_ok=True)
    return aside


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


def link_or_copy(source: Path, target: Path) -> None:
    """Give a finished file, which never changes, a second name; where the file system cannot, a durable copy."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
        sync_file(target)


def place_file(finished: Path, path: Path, root: Path) -> None:
    """Show a finished file, which never changes, under another name too: readers see what was there, or all of it.

    What is shown already is synced all the same: who did it may have been killed before it was on the disk.
    """
    make_folder(path.parent, root)
    aside = fresh_aside(path)
    if path.exists() and sha256_of(path) == sha256_of(finished):
        sync_file(path)
        sync_folder(path.parent)
        return
    link_or_copy(finished, aside)
    replace_durably(aside, path)


def place_folder(files: Iterable[Path], folder: Path) -> None:
    """Make a folder of finished files that is complete from the moment its name is there.

    The folder's parent must exist; whatever was under the name before is gone first.
    """
    aside = folder.with_name(f".{folder.name}.partial")
    remove_folder(aside)
    aside.mkdir()
    for file in files:
        link_or_copy(file, aside / file.name)
    sync_folder(aside)
    remove_folder(folder)
    aside.replace(folder)
    sync_folder(folder.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder that nothing points to any more."""
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
