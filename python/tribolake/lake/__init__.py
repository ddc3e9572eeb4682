"""The lake: the only package that knows where files are stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import BronzeFile, Listing
from tribolake.lake.bucket import BucketLake, CopiedFolderLake
from tribolake.lake.content import Content
from tribolake.lake.folder import FolderLake
from tribolake.lake.inbox import Inbox
from tribolake.lake.store import open_store
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

    def look(self, *, whole: bool = False) -> Listing:
        """List bronze files, and count names that are not deliveries."""

    def content(self, file: BronzeFile) -> Content:
        """Return the content of a listed file."""

    def is_at_rest(self, key: str) -> bool:
        """Return True if a file can be read and no program is writing it."""

    def archived(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of listed files that must be restored before they can be read."""


def open_lake(settings: Settings, inbox: Inbox | None = None) -> Lake:
    """Open the lake that the settings name. Without an inbox, files arrive in `{prefix}/bronze`."""
    inbox = inbox or Inbox.below(settings.prefix)
    if not settings.uses_s3:
        return FolderLake(settings.lake, settings.prefix, settings.reader.follow_links, inbox)
    if not settings.is_on_s3:
        return CopiedFolderLake(
            settings.lake, settings.prefix, settings.reader.follow_links, inbox, store=open_store(settings)
        )
    return BucketLake(open_store(settings), settings.publishing_folder, settings.prefix, settings.state, inbox)


BEGIN = "Put files under bronze/CLIENT/DATE there, or begin a new lake with --init"


def require_bronze(settings: Settings, *, is_new: bool = False, inbox: Inbox | None = None, begin: str = BEGIN) -> None:
    """Refuse a lake that has neither bronze nor a warehouse: its address is mistyped.

    Args:
        settings: the lake.
        is_new: the lake is new on purpose; make the folder of bronze.
        inbox: where files arrive; None is bronze.
        begin: how to begin a new lake, for the message.

    Raises:
        ConfigurationError: with what to do.
    """
    folder = (inbox or Inbox.below(settings.prefix)).folder
    bronze = settings.lake / folder
    if is_new and not settings.is_on_s3:
        bronze.mkdir(parents=True, exist_ok=True)
    if is_new or settings.warehouse.exists() or (bronze.is_dir() and not settings.is_on_s3):
        return
    if settings.is_on_s3 and next(open_store(settings).list(f"{folder}/"), None) is not None:
        return
    raise ConfigurationError(f"{settings.address} has no {folder}: look whether --lake is mistyped. {begin}")
