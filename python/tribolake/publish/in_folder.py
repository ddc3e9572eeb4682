"""Publish in a folder for the readers of a lake on a disk.

    gold/{client}/_versions/{run_id}/…          a complete, checked, durable version
    gold/{client}/_current -> _versions/{run_id}    replacing this link publishes
    gold/{client}/classified_reports.parquet -> _current/classified_reports.parquet   and so on, made once

A reader that opens a published name gets the old files or the new files, even if a run is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.lake.files import place_file, point_link, remove_folder, sync_folder
from tribolake.product import VersionedFolder
from tribolake.publish.change_log import log_changes
from tribolake.publish.contract import MANIFEST
from tribolake.publish.delta import merge_delta
from tribolake.publish.history import days_of, keep_snapshot, retire_snapshots
from tribolake.publish.places import Places
from tribolake.publish.settling import (
    AppendLog,
    KeepManifest,
    KeepSnapshot,
    MergeDelta,
    PlaceFile,
    RetireSnapshots,
    Step,
    settling_steps,
)
from tribolake.publish.version import Version, current_version


@dataclass(frozen=True)
class FolderShelf:
    """`root` is the folder of the lake, `home` the folder of the data product in it."""

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

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        """Do nothing: the caller renames the folder."""

    def shows(self, client: str) -> bool:
        return (self.home / "gold" / client / MANIFEST).exists()


def show(places: Places, version: Version) -> None:
    """Point every published name to a version in one step."""
    for name in (*(table.file_name for table in places.contract.tables), MANIFEST):
        if not (places.gold / name).is_symlink():
            point_link(places.gold / name, f"_current/{name}")
    point_link(places.gold / "_current", f"{places.versions.name}/{version.run_id}")


def settle(connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
    """Carry out the settling steps in a folder.

    A step syncs work that is done already, because a killed run may not have synced it.
    """
    sync_folder(places.gold)
    for step in settling_steps(places, version, version.prepared, days_of(places.history), days_of(places.archive)):
        carry_out(connection, places, version, step)


def carry_out(connection: duckdb.DuckDBPyConnection, places: Places, version: Version, step: Step) -> None:
    match step:
        case MergeDelta(source, path):
            merge_delta(connection, places.contract.samples, places.root, source, version.run_id, path)
        case PlaceFile(source, path) | KeepManifest(source, path):
            place_file(source, path, places.root)
        case KeepSnapshot():
            keep_snapshot(places, version)
        case RetireSnapshots(archived, dropped):
            retire_snapshots(places, archived, dropped)
        case AppendLog(source, path):
            log_changes(connection, places.root, path, source)


def forget_versions(places: Places, keep: Sequence[Version]) -> None:
    """Remove all versions but those in `keep`, which readers may have open."""
    kept = {version.folder.name for version in keep}
    for folder in places.versions.iterdir():
        if folder.name not in kept:
            remove_folder(folder)
