"""Publish in a folder: readers of a lake on a disk.

    gold/{client}/_versions/{run_id}/…          complete, checked, on the disk
    gold/{client}/_current -> _versions/{run_id}    the one step that publishes
    gold/{client}/classified_reports.parquet -> _current/classified_reports.parquet   and so on, made once

A reader that opens a published name gets the old files or the new ones; a kill at any moment leaves it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.publish.contract import GOLD, MANIFEST
from tribolake.publish.files import point_link, remove_folder
from tribolake.publish.places import Places
from tribolake.publish.settle import settle
from tribolake.publish.version import Version, current_version


@dataclass(frozen=True)
class FolderShelf:
    """`root` is the lake's folder, `home` that of the data product in it."""

    root: Path
    home: Path

    def current(self, places: Places) -> Version | None:
        return current_version(places)

    def switch(self, places: Places, version: Version) -> None:
        show(places, version)

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        settle(connection, places, version)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        forget_versions(places, keep)

    def keep_limits(self, version: str, folder: Path) -> None:
        """The folder's name is all that is missing."""

    def shows(self, client: str) -> bool:
        return (self.home / "gold" / client / MANIFEST).exists()


def show(places: Places, version: Version) -> None:
    """Let every published name lead to a version, at once."""
    for name in (*(table.file_name for table in GOLD), MANIFEST):
        if not (places.gold / name).is_symlink():
            point_link(places.gold / name, f"_current/{name}")
    point_link(places.gold / "_current", f"{places.versions.name}/{version.run_id}")


def forget_versions(places: Places, keep: Sequence[Version]) -> None:
    """Forget all but the published version and the one before it, which readers may still hold."""
    kept = {version.folder.name for version in keep}
    for folder in places.versions.iterdir():
        if folder.name not in kept:
            remove_folder(folder)
