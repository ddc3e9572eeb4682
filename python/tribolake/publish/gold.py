"""Publish one client's gold: all of its files change at once, or none does.

    gold/{client}/_versions/{run_id}/…          complete, checked, on the disk
    gold/{client}/_current -> _versions/{run_id}    the one step that publishes
    gold/{client}/classified_reports.parquet -> _current/classified_reports.parquet   and so on, made once

A reader that opens a published name gets the old files or the new ones; a kill at any moment leaves it so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from tribolake.lake.folder import FolderLake
from tribolake.publish.contract import GOLD, MANIFEST
from tribolake.publish.files import make_folder, point_link, remove_folder
from tribolake.publish.places import Places
from tribolake.publish.settle import settle
from tribolake.publish.version import Publication, Version, current_version, is_published, seal, write_files

__all__ = ["Publication", "publish_client"]


def publish_client(
    connection: duckdb.DuckDBPyConnection,
    lake: FolderLake,
    client: str,
    publication: Publication,
    declared: Mapping[str, Sequence[str]],
) -> bool:
    """Publish a client's silver and gold from the warehouse, with what changed and the day's snapshot.

    What an earlier run published but did not bring to its end is brought to its end first.

    Args:
        connection: to the warehouse.
        lake: where to publish.
        client: name of the client, as its bronze folder is called.
        publication: run, policy and time of this publication.
        declared: columns of each public table as its contract declares them.

    Returns:
        False where the files would be the same, byte for byte: nothing is touched then.

    Raises:
        ContractBroken: a file does not keep the contract; what is published stays as it is.
    """
    places = Places(lake.root, lake.home, client)
    current = current_version(places)
    if current:
        settle(connection, places, current)
    if current and current.run_id == publication.run_id:
        return False
    folder = places.versions / publication.run_id
    remove_folder(folder)
    make_folder(folder, places.root)
    try:
        files = write_files(connection, places, folder, declared)
        if is_published(places, current, folder, files, publication):
            remove_folder(folder)
            return False
        version = seal(connection, places, current, folder, files, publication)
    except BaseException:
        remove_folder(folder)
        raise
    _switch(places, version)
    settle(connection, places, version)
    _forget_versions(places, keep=(version, current))
    return True


def _switch(places: Places, version: Version) -> None:
    """Let every published name lead to a version, at once."""
    for name in (*(table.file_name for table in GOLD), MANIFEST):
        if not (places.gold / name).is_symlink():
            point_link(places.gold / name, f"_current/{name}")
    point_link(places.gold / "_current", f"{places.versions.name}/{version.run_id}")


def _forget_versions(places: Places, keep: tuple[Version | None, ...]) -> None:
    """Forget all but the published version and the one before it, which readers may still hold."""
    kept = {version.folder.name for version in keep if version}
    for folder in places.versions.iterdir():
        if folder.name not in kept:
            remove_folder(folder)
