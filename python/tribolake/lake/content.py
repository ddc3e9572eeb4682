"""Where the bytes of a laboratory file come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class OpenContent:
    """A file that a process on this machine can read, and which version of an object it holds, if there are any."""

    path: Path
    version_id: str | None = None


class Content(Protocol):
    """The content of one file; two that are equal are the same file."""

    def size_bytes(self) -> int:
        """How large it is, as far as known before it is read; 0 where it cannot be told."""

    def open(self, max_bytes: int) -> AbstractContextManager[OpenContent]:
        """Have it at a path for a while.

        Raises:
            ContentTooLarge: it has more than `max_bytes`.
            OSError: it cannot be had now.
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
