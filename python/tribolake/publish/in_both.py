"""Publish in a folder and in a bucket: the phase in which the bucket has to prove itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.lake.store import ObjectStore
from tribolake.product import VersionedFolder
from tribolake.publish.in_bucket import BucketShelf
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.places import Places
from tribolake.publish.version import Version


@dataclass(frozen=True)
class DualShelf(FolderShelf):
    """The folder comes first; the bucket follows, and each file there is compared with the folder's.

    A bucket that cannot be reached holds nothing back in the folder: the next run brings it in line.
    """

    store: ObjectStore

    @property
    def _bucket(self) -> BucketShelf:
        return BucketShelf(self.store, self.root, self.home)

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        super().settle(connection, places, version)
        self._bucket.follow(places, version)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        self._bucket.forget(places, keep)

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        self._bucket.keep_version(versioned, version, folder)
