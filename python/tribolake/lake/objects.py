"""Objects of a lake by key: the protocol for wordings, published versions and bronze, and its folder implementation.

The bucket implementation is in `lake/objects_in_bucket.py`, so that a folder needs no S3 library.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tribolake.errors import ContractBroken, StoreUnavailable, TribolakeError
from tribolake.lake.files import errors_name, make_folder, read_regular, real_path, sha256_of, sync_folder, time_of
from tribolake.lake.labels import Label, require_allowed

PARTIAL = ".partial"
ROUNDS = 10
# A writer needs less time than this between the first byte and the rename.
DEAD_AFTER_SECONDS = 24 * 3600.0
READABLE_BY_ALL = 0o644
# What opening a name says if there is no file: a link that leads to itself and a socket are none.
NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
OVERWRITTEN = "{address} is not what its manifest says: another program wrote over it"


class ObjectNotFound(TribolakeError):
    """There is no object with that key."""


class ObjectExists(TribolakeError):
    """The key has another content."""


class ObjectUnreadable(TribolakeError):
    """An object is too large, or its content has another SHA-256 than its writer noted."""


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it. Only a listing of versions has `version_id`."""

    key: str
    modified_at: datetime
    version_id: str | None = None


class Objects(Protocol):
    """Objects of a lake. Keys are paths below the lake, with `/` between folders."""

    @property
    def home(self) -> str:
        """Key of the folder of the data product."""

    def address(self, key: str) -> str:
        """Return the object's address for people: a path, or `s3://bucket/key`."""

    def files(self, key: str) -> list[ListedObject]:
        """List every object below a folder, in the order of keys."""

    def versions(self, key: str) -> list[ListedObject]:
        """List every version of every object below a folder. A folder on a disk keeps one of each, without an id."""

    def folders(self, key: str) -> set[str]:
        """List the names of the folders in a folder."""

    def read(self, key: str, max_bytes: int | None = None, version_id: str | None = None) -> bytes | None:
        """Read a small object. Returns None if there is no such object, or no such version of it.

        Raises:
            ObjectUnreadable: it has more than `max_bytes`, or another SHA-256 than its writer noted.
        """

    def has(self, key: str, content: bytes) -> bool:
        """Return whether an object has this content. An archived one says so too."""

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        """Return a file on this machine that has the object's content and does not change.

        Args:
            key: of the object.
            sha256: of the content, as a manifest names it. None if no manifest names it.

        Raises:
            ObjectNotFound: there is no such object.
            ContractBroken: its content is not what the manifest names.
        """

    def take(self, key: str, sha256: str, version_id: str | None, path: Path) -> bool:
        """Copy a content and its modification time to a path. Returns False if the content is not there."""

    def put(self, key: str, content: bytes) -> None:
        """Store an object durably. Readers see all of it or nothing."""

    def put_new(self, key: str, content: bytes, label: Label) -> str | None:
        """Store an object under a new key, durably. Returns its version id, if the place keeps versions.

        A folder keeps no label: what it says must be in the key or in the content as well.

        Raises:
            LabelRefused: S3 would refuse the label.
            ObjectExists: the key has another content.
        """

    def remove(self, key: str) -> None:
        """Remove an object. An absent object is not an error."""

    def tidy(self, key: str) -> None:
        """Remove temporary files from a folder that are more than a day old: their writers died."""


@dataclass(frozen=True)
class FolderObjects:
    """Objects in the lake's folder, `root`. Files are read in place."""

    root: Path
    home: str

    def address(self, key: str) -> str:
        return str(self.root / key)

    def files(self, key: str) -> list[ListedObject]:
        for _ in range(ROUNDS):
            # A file was removed during the listing: the listing may lack the file that replaces it.
            with suppress(FileNotFoundError):
                return sorted(self._walk(self._path(key)), key=lambda found: found.key)
        raise StoreUnavailable(f"{self.address(key)} changes faster than it can be listed: try again")

    def versions(self, key: str) -> list[ListedObject]:
        return self.files(key)

    def folders(self, key: str) -> set[str]:
        folder = self._path(key)
        return {found.name for found in folder.iterdir() if found.is_dir()} if folder.is_dir() else set()

    def read(self, key: str, max_bytes: int | None = None, version_id: str | None = None) -> bytes | None:
        if version_id is not None:
            return None
        try:
            # Without O_NONBLOCK a pipe would wait for its writer.
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in NO_FILE:
                return None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(-1 if max_bytes is None else max_bytes + 1)
        if max_bytes is not None and len(content) > max_bytes:
            raise ObjectUnreadable(f"{self.address(key)} has more than {max_bytes} bytes")
        return content

    def has(self, key: str, content: bytes) -> bool:
        with suppress(ObjectUnreadable):  # it has more bytes
            return self.read(key, max_bytes=len(content)) == content
        return False

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        path = real_path(self._path(key))
        if not path.is_file():
            raise ObjectNotFound(f"{self.address(key)} is not there")
        if sha256 is not None and sha256_of(path) != sha256:
            raise ContractBroken(OVERWRITTEN.format(address=path))
        return path

    def take(self, key: str, sha256: str, version_id: str | None, path: Path) -> bool:
        source = self._path(key)
        if not source.is_file() or sha256_of(source) != sha256:
            return False
        shutil.copyfile(source, path)
        found = source.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        return True

    def put(self, key: str, content: bytes) -> None:
        with self._written_aside(key, content) as (aside, path):
            aside.replace(path)

    def put_new(self, key: str, content: bytes, label: Label) -> None:
        require_allowed(label)
        with self._written_aside(key, content) as (aside, path):
            try:
                path.hardlink_to(aside)
            except FileExistsError:
                if not path.is_file() or read_regular(path) != content:
                    raise ObjectExists(f"{path} exists") from None

    @contextmanager
    def _written_aside(self, key: str, content: bytes) -> Iterator[tuple[Path, Path]]:
        path = self._path(key)
        make_folder(path.parent, self.root)
        aside = path.with_name(f".{secrets.token_hex(8)}{PARTIAL}")
        try:
            with errors_name(path), aside.open("xb") as file:
                file.write(content)
                file.flush()
                # The umask does not matter: other users of the folder read it too.
                os.fchmod(file.fileno(), READABLE_BY_ALL)
                os.fsync(file.fileno())
            yield aside, path
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)

    def remove(self, key: str) -> None:
        path = self._path(key)
        with suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    def tidy(self, key: str) -> None:
        for aside in self._path(key).rglob(f".*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if time.time() - aside.lstat().st_mtime > DEAD_AFTER_SECONDS:
                    aside.unlink()

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise ValueError(f"{key!r} is not a key of this lake")
        return self.root / key

    def _walk(self, top: Path) -> Iterator[ListedObject]:
        """List regular files. Links are left out: they may lead out of the lake."""
        for folder, _, names in os.walk(top):
            for path in (Path(folder, name) for name in names):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield ListedObject(path.relative_to(self.root).as_posix(), time_of(found.st_mtime))
