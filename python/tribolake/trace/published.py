"""What is published in a lake, read by key: from its folder, or from its bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tribolake.errors import ContractBroken, TribolakeError
from tribolake.lake import open_lake
from tribolake.publish.files import sha256_of
from tribolake.settings import Settings


class NotThere(TribolakeError):
    """There is no file with that key."""


@dataclass(frozen=True)
class PublishedFile:
    """A file as a listing shows it."""

    key: str
    modified_at: datetime


class Published(Protocol):
    """Keys are paths below the lake, with `/` between folders; `home` is that of the data product."""

    @property
    def home(self) -> str:
        """Key of the folder of the data product."""

    def address(self, key: str) -> str:
        """The file as people call it: a path, or `s3://bucket/key`."""

    def read(self, key: str) -> bytes | None:
        """The content of a small file; None where there is none."""

    def folders(self, key: str) -> set[str]:
        """Names of the folders in a folder; none where there is no such folder."""

    def files(self, key: str) -> list[PublishedFile]:
        """Every file below a folder, in the order of its key."""

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        """A file of this machine with that content, checked, which does not change any more.

        Args:
            key: of the file.
            sha256: what the file is known to hold; None where nobody says so.

        Raises:
            NotThere: there is no such file.
            ContractBroken: it does not hold what it is known to hold.
        """


@dataclass(frozen=True)
class PublishedInFolder:
    """`root` is the lake's folder; files are used where they are."""

    root: Path
    home: str

    def address(self, key: str) -> str:
        return str(self.root / key)

    def read(self, key: str) -> bytes | None:
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def folders(self, key: str) -> set[str]:
        folder = self.root / key
        return {found.name for found in folder.iterdir() if found.is_dir()} if folder.is_dir() else set()

    def files(self, key: str) -> list[PublishedFile]:
        return sorted(self._walk(self.root / key), key=lambda found: found.key)

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        path = (self.root / key).resolve()
        if not path.is_file():
            raise NotThere(f"{self.address(key)} is not there")
        if sha256 is not None and sha256_of(path) != sha256:
            raise ContractBroken(f"{path} is not what its manifest says: somebody wrote over it")
        return path

    def _walk(self, top: Path) -> Iterator[PublishedFile]:
        for folder, _, names in os.walk(top):
            for path in (Path(folder, name) for name in names):
                if path.is_file():
                    modified_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    yield PublishedFile(path.relative_to(self.root).as_posix(), modified_at)


def open_published(settings: Settings) -> Published:
    """What is published in the lake that the settings name."""
    if not settings.is_on_s3:
        lake = open_lake(settings)
        return PublishedInFolder(lake.root, settings.prefix)
    from tribolake.trace.published_on_s3 import PublishedOnS3  # noqa: PLC0415 - a folder needs no S3 library

    return PublishedOnS3.of(settings)
