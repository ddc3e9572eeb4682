"""The lake: the only package that knows where files are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tribolake.lake.bronze import BronzeFile
from tribolake.lake.content import Content
from tribolake.lake.folder import FolderLake
from tribolake.settings import Settings


class Lake(Protocol):
    """The bronze files to read, and the folder in which publications are made."""

    @property
    def root(self) -> Path:
        """Folder of the lake, or of this machine's copy of it."""

    @property
    def home(self) -> Path:
        """Folder of the data product in the lake."""

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        """List bronze files in the order of their keys. Without `whole`, old files may be left out."""

    def content(self, file: BronzeFile) -> Content:
        """Return the content of a listed file."""

    def is_at_rest(self, key: str) -> bool:
        """Return True if a file can be read and no program is writing it."""


def open_lake(settings: Settings) -> Lake:
    """Open the lake that the settings name."""
    if not settings.uses_s3:
        return FolderLake(settings.lake, settings.prefix, settings.reader.follow_links)
    # A lake in a folder needs no S3 library. Importing it takes longer than a run without new files.
    from tribolake.lake.bucket import BucketLake, CopiedFolderLake  # noqa: PLC0415
    from tribolake.lake.store import open_store  # noqa: PLC0415

    if not settings.is_on_s3:
        return CopiedFolderLake(
            settings.lake, settings.prefix, settings.reader.follow_links, store=open_store(settings)
        )
    return BucketLake(open_store(settings), settings.publishing_folder, settings.prefix, settings.state)
