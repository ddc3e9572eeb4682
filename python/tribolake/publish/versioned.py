"""Publish tables with versions of their own, such as limits. A version is written once and never changes."""

from __future__ import annotations

import json

import duckdb

from tribolake.lake.files import (
    finish_file,
    make_folder,
    protect,
    remove,
    sync_folder,
    sync_up,
    write_durably,
)
from tribolake.product import VersionedFolder
from tribolake.publish.shelf import Shelf


def publish_versions(connection: duckdb.DuckDBPyConnection, shelf: Shelf, versioned: VersionedFolder) -> list[str]:
    """Write a folder for each version in the warehouse.

    Call it before publishing tables whose rows name a version, so that each named version exists.

    Returns:
        The new versions.
    """
    for unfinished in (shelf.home / versioned.folder).glob(".*.partial"):
        remove(unfinished)
    found = connection.execute(versioned.versions).fetchall()
    return [version for (version,) in found if _publish_version(connection, shelf, versioned, version)]


def _publish_version(
    connection: duckdb.DuckDBPyConnection, shelf: Shelf, versioned: VersionedFolder, version: str
) -> bool:
    folder = shelf.home / versioned.folder / version
    if folder.exists():
        for path in folder.iterdir():  # files of earlier releases can be written
            protect(path)
        sync_up(folder, shelf.root)  # a killed run may not have synced the name
        return False
    make_folder(folder.parent, shelf.root)
    aside = folder.with_name(f".{version}.partial")
    aside.mkdir()
    for name, query in versioned.files.items():
        parquet = aside / f"{name}.parquet"
        connection.execute(
            f"copy ({query}) to $path (format parquet, compression zstd)",
            {"version": version, "path": str(parquet)},
        )
        finish_file(parquet)
    query, nest = versioned.nested
    rows = connection.execute(query, {"version": version}).fetchall()
    write_durably(aside / versioned.last_file, json.dumps(nest(rows), ensure_ascii=False, indent=1) + "\n")
    protect(aside / versioned.last_file)
    sync_folder(aside)
    shelf.keep_version(versioned, version, aside)
    aside.replace(folder)
    sync_folder(folder.parent)
    return True
