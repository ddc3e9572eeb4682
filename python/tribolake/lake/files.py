"""Durable files: written content is on the disk, and a public name never shows an incomplete file."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FICLONE = 0x40049409  # Linux: give a file the blocks of another one
# With a margin for the time zone in which a warehouse returns them.
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=2)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def sync_file(path: Path) -> None:
    _sync(path)


def protect(path: Path) -> None:
    """Make a finished file read-only. Several names may share its bytes."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & WRITABLE:
        path.chmod(mode & ~WRITABLE)


def finish_file(path: Path) -> None:
    """Make a written file read-only and durable. It never changes again."""
    protect(path)
    sync_file(path)


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

    An existing folder is synced too, because a killed process may have made it without a sync. What another program
    put in the place of a folder is renamed. Several threads may make folders below one another at once.
    """
    for folder in (path, *path.parents):
        if folder == root or folder.is_dir():
            break
        if os.path.lexists(folder):
            _set_aside_unless_folder(folder)
    path.mkdir(parents=True, exist_ok=True)
    sync_up(path, root)


def _set_aside_unless_folder(path: Path) -> None:
    """Rename what is no folder. A folder that another thread has just made there stays: unlink refuses folders."""
    before = path.with_name(f".{path.name}.before")
    remove(before)
    try:
        before.hardlink_to(path)
        path.unlink()
    except OSError:
        if not path.is_dir():
            raise


def set_aside(path: Path) -> Path:
    """Rename what another program put in the place of a folder or file, if there is anything. Returns its new name."""
    before = path.with_name(f".{path.name}.before")
    if os.path.lexists(path):
        remove(before)
        path.replace(before)
    return before


@contextmanager
def errors_name(path: Path) -> Iterator[None]:
    """Have errors of writes and syncs name the file, as those of opening it do: a full disk may be one of several."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_durably(path: Path, text: str) -> None:
    with errors_name(path), path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_aside(path: Path, text: str) -> None:
    """Replace a text in one step. Readers see the old one or the new one, of which a power loss may leave nothing."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with errors_name(path):
            aside.write_text(text, encoding="utf-8")
        _take_the_place(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def place_for_user(path: Path, content: bytes | Path) -> Path:
    """Write bytes, or copy a file, to where a user wants them, in one step. What was there stays if that fails.

    Only a file is replaced. A folder is an error, and a device is written to.
    """
    target = real_path(path)
    aside = target if target.exists() and not target.is_file() else target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with errors_name(path):
            aside.write_bytes(content) if isinstance(content, bytes) else shutil.copyfile(content, aside)
            aside.replace(target)
    finally:
        if aside != target:
            aside.unlink(missing_ok=True)
    return path


def write_even_if_full(path: Path, text: str) -> None:
    """Replace a text in one step, or write over the old one if the disk has no room for both.

    A record that a full disk kept from changing would say that all is well.
    """
    try:
        write_aside(path, text)
    except OSError:
        with errors_name(path), path.open("r+b") as file:  # its blocks stay, so that no other program gets them
            file.write(text.encode())
            file.truncate()


def parse_json(content: str | bytes) -> Any:
    """Parse JSON that another program may have damaged.

    Raises:
        ValueError: it is not JSON, or lists in it are nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("lists in it are nested too deeply") from None


def read_json(path: Path) -> Any:
    """Parse a JSON file that another program may have damaged or replaced.

    Raises:
        OSError: it cannot be read, or it is no regular file.
        ValueError: it is not JSON.
    """
    return parse_json(read_regular(path))


def read_regular(path: Path) -> bytes:
    """Read a file that another program may have replaced, for instance by a pipe, which would wait for its writer.

    Raises:
        OSError: it cannot be read, or it is no regular file.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read()


def time_of(seconds: float) -> datetime:
    """Return a time of a file system in UTC. Years that Python cannot hold become the first or the last one."""
    try:
        return min(max(datetime.fromtimestamp(seconds, UTC), EARLIEST), LATEST)
    except (ValueError, OverflowError, OSError):
        return LATEST if seconds > 0 else EARLIEST


def real_path(path: Path) -> Path:
    """Return a path without links. Unlike `resolve`, it takes links that lead to themselves."""
    return Path(os.path.realpath(path))


def append_durably(path: Path, content: bytes) -> None:
    """Append in one write. The caller syncs the name of the file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        with errors_name(path):
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
    remove(partial)
    return partial


def replace_durably(partial: Path, path: Path) -> None:
    """Move a finished file into place. Readers see the old file or the new file."""
    sync_file(partial)
    _take_the_place(partial, path)
    sync_folder(path.parent)


def point_link(link: Path, target: str) -> None:
    """Replace the target of a relative symbolic link in one step."""
    following = link.with_name(f".{link.name}.next")
    remove(following)
    following.symlink_to(target)
    _take_the_place(following, link)
    sync_folder(link.parent)


def share_or_copy(source: Path, target: Path) -> None:
    """Give a finished file a second name.

    Both share blocks, if the file system can copy on write. Otherwise both are names of one read-only file, or the
    file is copied.
    """
    if _clone(source, target):
        finish_file(target)
        return
    protect(source)
    try:
        target.hardlink_to(source)
    except OSError:
        copy_durably(source, target)


def copy_durably(source: Path, target: Path) -> None:
    """Copy a finished file, read-only."""
    shutil.copyfile(source, target)
    finish_file(target)


def place_file(finished: Path, path: Path, root: Path, *, is_copy: bool = False) -> None:
    """Publish a finished file, which never changes, under a second name. Readers see the old file or the new file.

    A file that is there already is synced too, because a killed process may have placed it without a sync.

    Args:
        finished: the file.
        path: its second name.
        root: the lake's folder.
        is_copy: the second file shares no bytes with the first one, so that one write does not reach both.
    """
    make_folder(path.parent, root)
    partial = partial_path(path)
    if path.is_file() and sha256_of(path) == sha256_of(finished):
        protect(path)
        sync_file(path)
        sync_folder(path.parent)
        return
    (copy_durably if is_copy else share_or_copy)(finished, partial)
    replace_durably(partial, path)


def place_folder(files: Iterable[Path], folder: Path) -> None:
    """Make a folder of finished files. The folder is complete as soon as its name exists.

    The parent folder must exist. An earlier folder of this name is removed first, and what writers that died left.
    """
    for unfinished in folder.parent.glob(".*.partial"):
        remove(unfinished)
    partial = folder.with_name(f".{folder.name}.partial")
    partial.mkdir()
    for file in files:
        share_or_copy(file, partial / file.name)
    sync_folder(partial)
    remove(folder)
    partial.replace(folder)
    sync_folder(folder.parent)


def remove(path: Path) -> None:
    """Remove a folder that no link points to any more, or what another program put in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clone(source: Path, target: Path) -> bool:
    """Copy a file on write. Returns False, and leaves no target, if the file system cannot."""
    with source.open("rb") as file, target.open("xb") as copy:
        try:
            fcntl.ioctl(copy, FICLONE, file.fileno())
        except OSError:
            target.unlink()
            return False
    return True


def _take_the_place(finished: Path, path: Path) -> None:
    """Rename a finished file or link. A folder in its place is removed: programs that copy a lake may follow links."""
    if path.is_dir() and not path.is_symlink():
        before = path.with_name(f".{path.name}.before")
        remove(before)
        path.replace(before)
        finished.replace(path)
        remove(before)
    else:
        finished.replace(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with errors_name(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
