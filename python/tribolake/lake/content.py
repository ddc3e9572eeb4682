"""Content of laboratory files, wherever it is stored."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

ARCHIVED = "archived in the class"  # how the message about an archived file begins


@dataclass(frozen=True)
class OpenContent:
    """A file that a process on this machine can read, and the version of the object that it holds, if it has one."""

    path: Path
    version_id: str | None = None
    size_bytes: int | None = None  # that it must have; None where any size will do


@dataclass(frozen=True)
class ObjectAddress:
    """An address that gives one version of an object to whoever has it, for a few minutes, and what must come.

    It never reaches a message, a log, a record, an argument or the environment of a process.
    """

    url: str = field(repr=False)
    version_id: str
    size_bytes: int
    md5: str | None  # None where the store does not say it
    sha256: str | None
    timeout_seconds: float  # silence of the store after which fetching it fails


class Content(Protocol):
    """The content of one file. Equal instances are the same file."""

    def size_bytes(self) -> int:
        """Return the size as far as it is known before reading, or 0."""

    def address(self, max_bytes: int) -> ObjectAddress | None:
        """Return an address from which a reading process can fetch the content. None if it must be opened instead.

        Raises: as `open`.
        """

    def open(self, max_bytes: int) -> AbstractContextManager[OpenContent]:
        """Provide the content at a path while the context lasts.

        Raises:
            ContentArchived: it must be restored first.
            ContentTooLarge: it has more than `max_bytes`.
            OSError: it cannot be read now.
        """


class ContentTooLarge(Exception):
    """A file has more bytes than may be read."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


class ContentArchived(Exception):
    """A file must be restored from an archive before it can be read. The message begins with `ARCHIVED`."""


@dataclass(frozen=True)
class FileContent:
    """The content of a file in a folder. `listed_bytes` is its size in the listing, if it was listed."""

    path: str
    listed_bytes: int | None = None

    def size_bytes(self) -> int:
        try:
            return Path(self.path).stat().st_size
        except OSError:
            return 0

    def address(self, max_bytes: int) -> None:
        """Return None: a file has a path."""

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        path = Path(self.path)
        status = path.stat()
        require_listed(status, self.listed_bytes)
        if status.st_size > max_bytes:
            raise ContentTooLarge(status.st_size)
        yield OpenContent(path, size_bytes=status.st_size)


def require_listed(status: os.stat_result, size_bytes: int | None) -> None:
    """Check that a file is still what a listing showed: a regular file of this size.

    Raises:
        OSError: it is another kind of file, which may never end, or it changes.
    """
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file")
    if size_bytes is not None and status.st_size != size_bytes:
        raise OSError(f"it changed from {size_bytes:,} to {status.st_size:,} bytes since it was listed")
