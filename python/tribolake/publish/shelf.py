"""Shelves: the folder or bucket where readers find published files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import duckdb

from tribolake.product import VersionedFolder
from tribolake.publish.places import Places
from tribolake.publish.version import Version


class Shelf(Protocol):
    """Publishes versions that were made in a local folder."""

    @property
    def root(self) -> Path:
        """The local folder that keys and links are relative to."""

    @property
    def home(self) -> Path:
        """The folder of the data product in it."""

    def current(self, places: Places) -> Version | None:
        """Return the published version with its files on this machine. None if nothing was published."""

    def switch(self, places: Places, version: Version) -> None:
        """Show a finished version to readers instead of the one before."""

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        """Carry out the settling steps of a published version. This can be repeated."""

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        """Remove all versions but those in `keep`."""

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        """Keep a version permanently. It is complete in `folder`, which the caller renames afterwards."""

    def shows(self, client: str) -> bool:
        """Return whether the published files of a client are still there, as far as a cheap check can tell."""
