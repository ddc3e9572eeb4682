"""The lake: the only package that knows where files are kept."""

from __future__ import annotations

from tribolake.lake.folder import FolderLake
from tribolake.settings import Settings


def open_lake(settings: Settings) -> FolderLake:
    """The lake that the settings name."""
    return FolderLake(settings.lake, settings.prefix, settings.follow_links)
