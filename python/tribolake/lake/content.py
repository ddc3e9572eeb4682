"""Content of laboratory files, wherever it is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class OpenContent:
    """A file that a process on this machine can read, and the version of the object that it holds, if it has one."""

    path: Path
    version_id: str | None = None


class Content(Protocol):
    """The content of one file. Equal instances are the same file."""

    def size_bytes(self) -> int:
        """Return the size as far as it is known before reading, or 0."""

    def open(self, max_bytes: int) -> AbstractContextManager[OpenContent]:
        """Provide the content at a path while the context lasts.

        Raises:
            ContentTooLarge: it has more than `max_bytes`.
            OSError: it cannot be read now.
        """


class ContentTooLarge(Exception):
    """A file has more bytes than may be read."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes")
        self.size_bytes = size_bytes


@dataclass(frozen=True)
class FileContent:
    """The content of a file in a folder."""

    path: str

    def size_bytes(self) -> int:
        try:
            return Path(self.path).stat().st_size
        except OSError:
            return 0

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        path = Path(self.path)
        size = path.stat().st_size
        if size > max_bytes:
            raise ContentTooLarge(size)
        yield OpenContent(path)
