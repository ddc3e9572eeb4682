"""Publish limits under their version: a version is written once and never changes."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from tribolake.publish.files import make_folder, remove_folder, sync_file, sync_folder, sync_up, write_durably
from tribolake.publish.shelf import Shelf

LIMITS_QUERY = """
    select * from limits.stewart_limits where limits_version = $version order by client, machine, component, essay
"""
NESTED_QUERY = """
    select client, machine, component, essay, threshold_normal, threshold_alert, threshold_critic, count
    from limits.stewart_limits where limits_version = $version order by client, machine, component, essay
"""
# The published limits are those of a machine; under a policy that judges by model, these judge as well.
JUDGING_QUERY = """
    select limits.*
    from limits.int_limits as limits
    where client = (select any_value(client) from limits.stewart_limits where limits_version = $version)
    order by grain, machine, machine_model, component, essay
"""


def publish_limits(connection: duckdb.DuckDBPyConnection, shelf: Shelf) -> list[str]:
    """Write `silver/stewart_limits/{version}/` for each version in the warehouse.

    Published before the gold that they judged: no report names limits that are not there.

    Returns:
        The versions that were new.
    """
    for unfinished in (shelf.home / "silver" / "stewart_limits").glob(".*.partial"):
        remove_folder(unfinished)
    found = connection.execute("select distinct limits_version from limits.stewart_limits order by 1").fetchall()
    return [version for (version,) in found if _publish_version(connection, shelf, version)]


def _publish_version(connection: duckdb.DuckDBPyConnection, shelf: Shelf, version: str) -> bool:
    folder = shelf.home / "silver" / "stewart_limits" / version
    if folder.exists():
        sync_up(folder, shelf.root)  # who made it may have been killed before its name was on the disk
        return False
    make_folder(folder.parent, shelf.root)
    aside = folder.with_name(f".{version}.partial")
    aside.mkdir()
    for name, query in (("stewart_limits", LIMITS_QUERY), ("judging_limits", JUDGING_QUERY)):
        parquet = aside / f"{name}.parquet"
        connection.execute(
            f"copy ({query}) to $path (format parquet, compression zstd)",
            {"version": version, "path": str(parquet)},
        )
        sync_file(parquet)
    rows = connection.execute(NESTED_QUERY, {"version": version}).fetchall()
    write_durably(aside / "stewart_limits.json", json.dumps(nest(rows), ensure_ascii=False, indent=1) + "\n")
    sync_folder(aside)
    shelf.keep_limits(version, aside)
    aside.replace(folder)
    sync_folder(folder.parent)
    return True


def nest(rows: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    """Limits as client → machine → component → essay → thresholds and count."""
    nested: dict[str, dict[str, Any]] = {}
    for client, machine, component, essay, normal, alert, critic, count in rows:
        essays = nested.setdefault(client, {}).setdefault(machine, {}).setdefault(component, {})
        essays[essay] = {
            "threshold_normal": normal,
            "threshold_alert": alert,
            "threshold_critic": critic,
            "count": count,
        }
    return nested
