"""Publish in a folder and in a bucket: the mode `dual`, which tests a bucket before readers move to it."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tribolake.errors import StoreUnavailable
from tribolake.lake.store import ObjectStore
from tribolake.product import VersionedFolder
from tribolake.publish.in_bucket import BucketShelf
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.places import Places
from tribolake.publish.verification import Difference
from tribolake.publish.version import Version


@dataclass(frozen=True)
class DualShelf(FolderShelf):
    """Publishes in the folder first, then in the bucket, and compares each file of the bucket with the folder.

    A bucket that cannot be reached does not delay the folder. The next run updates the bucket.
    """

    store: ObjectStore = field(kw_only=True)

    @property
    def _bucket(self) -> BucketShelf:
        return BucketShelf(self.store, self.root, self.home)

    def differences(self, places: Places, version: Version | None) -> list[Difference]:
        return super().differences(places, version) + self._differences_in_bucket(places, version)

    def settle(
        self,
        connection: duckdb.DuckDBPyConnection,
        places: Places,
        version: Version,
        altered: AbstractSet[str] = frozenset(),
    ) -> None:
        super().settle(connection, places, version, altered)
        if not altered:  # else the next version is published there
            self._bucket.follow(places, version)

    def heal(self, places: Places, version: Version, folder: Path, names: AbstractSet[str]) -> None:
        self._bucket.heal(places, version, folder, names)

    def _differences_in_bucket(self, places: Places, version: Version | None) -> list[Difference]:
        """Compare what readers of the bucket see, if it is this version and the bucket can be reached."""
        with suppress(StoreUnavailable):
            if version and self._bucket.shown(places) == version.manifest:
                return self._bucket.differences(places, version)
        return []

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        super().forget(places, keep)
        self._bucket.forget_objects(places, keep)

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        self._bucket.keep_version(versioned, version, folder)
