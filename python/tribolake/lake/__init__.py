"""The lake: the only package that knows where files are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tribolake.lake.bronze import BronzeFile
from tribolake.lake.content import Content
from tribolake.lake.folder import FolderLake
from tribolake.settings import Settings


class Lake(Protocol):
    """Where bronze is read from, and the folder that publications are made in."""

    @property
    def root(self) -> Path:
        """The folder of the lake, or of what this machine keeps of it."""

    @property
    def home(self) -> Path:
        """The folder of the data product in it."""

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        """The files in bronze, in the order of their keys; old ones may be left out unless `whole` is asked for."""

    def content(self, file: BronzeFile) -> Content:
        """What a listed file holds."""

    def is_at_rest(self, key: str) -> bool:
        """Whether a file can be read and nobody writes it."""


def open_lake(settings: Settings) -> Lake:
    """The lake that the settings name."""
    if not settings.uses_s3:
        return FolderLake(settings.lake, settings.prefix, settings.reader.follow_links)
    # A lake in a folder needs no S3 library, which takes longer to import than a run without news.
    from tribolake.lake.bucket import BucketLake, CopiedFolderLake  # noqa: PLC0415
    from tribolake.lake.store import open_store  # noqa: PLC0415

    if not settings.is_on_s3:
        return CopiedFolderLake(
            settings.lake, settings.prefix, settings.reader.follow_links, store=open_store(settings)
        )
    return BucketLake(open_store(settings), settings.publishing_folder, settings.prefix, settings.state)
