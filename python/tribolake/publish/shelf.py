"""Where readers find what is published: a folder, or a bucket that a folder is carried to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import duckdb

from tribolake.product import VersionedFolder
from tribolake.publish.places import Places
from tribolake.publish.version import Version


class Shelf(Protocol):
    """Takes finished versions, which are made in a folder of this machine, and shows them to readers."""

    @property
    def root(self) -> Path:
        """The folder of this machine that keys and links are relative to."""

    @property
    def home(self) -> Path:
        """The folder of the data product in it."""

    def current(self, places: Places) -> Version | None:
        """The version that readers can read now, its files on this machine; None where nothing was published."""

    def switch(self, places: Places, version: Version) -> None:
        """Let readers see a finished version instead of the one before."""

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        """Bring silver, history and the log in line with a version that readers can read; may be done again."""

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        """Forget the versions that readers can hold no more."""

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        """Keep a version, complete in `folder`, permanently; the folder is then shown under its name."""

    def shows(self, client: str) -> bool:
        """Whether what was published of a client is still there, as far as can be told without asking much."""
