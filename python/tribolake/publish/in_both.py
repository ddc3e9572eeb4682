"""Publish in a folder and in a bucket: the mode `dual`, which tests a bucket before readers move to it."""

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
    """Publishes in the folder first, then in the bucket, and compares each file of the bucket with the folder.

    A bucket that cannot be reached does not delay the folder. The next run updates the bucket.
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
