"""Publish one client's gold: all of its files change at once, or none does.

    gold/{client}/_versions/{run_id}/…          complete, checked, on the disk
    gold/{client}/_current -> _versions/{run_id}    the one step that publishes
    gold/{client}/classified_reports.parquet -> _current/classified_reports.parquet   and so on, made once

A reader that opens a published name gets the old files or the new ones; a kill at any moment leaves it so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tribolake.publish.contract import GOLD, HARMONIZED, MANIFEST, SCHEMA_VERSION, PublicTable, check_file
from tribolake.publish.files import (
    point_link,
    replace_durably,
    sha256_of,
    sync_file,
    sync_folder,
    write_durably,
)

KEPT_VERSIONS = 2


@dataclass(frozen=True)
class Publication:
    """What a manifest says beside its files."""

    run_id: str
    policy: str
    published_at: str


def publish_client(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    client: str,
    publication: Publication,
    declared: Mapping[str, Sequence[str]],
) -> bool:
    """Publish a client's silver and gold from the warehouse.

    Args:
        connection: to the warehouse.
        home: the data product's folder in the lake.
        client: name of the client, as its bronze folder is called.
        publication: run, policy and time of this publication.
        declared: columns of each public table as its contract declares them.

    Returns:
        False where the files would be the same, byte for byte: nothing is touched then.

    Raises:
        ContractBroken: a file does not keep the contract; what is published stays as it is.
    """
    gold = home / "gold" / client
    version = gold / "_versions" / publication.run_id
    shutil.rmtree(version, ignore_errors=True)
    version.mkdir(parents=True)
    try:
        files = [_write(connection, table, client, version / table.file_name, declared, gold) for table in GOLD]
    except BaseException:
        shutil.rmtree(version, ignore_errors=True)
        raise
    _publish_silver(connection, home, client)
    published = _read_manifest(gold / MANIFEST)
    if published and published["files"] == files and published["policy"] == publication.policy:
        shutil.rmtree(version)
        return False
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "client": client,
        "run_id": publication.run_id,
        "policy": publication.policy,
        "published_at": publication.published_at,
        # Some readers open a name twice, for its footer and for its rows: this folder's files never change.
        "folder": f"_versions/{publication.run_id}",
        "files": files,
        "sources": _sources(connection, client),
    }
    write_durably(version / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    for folder in (version, version.parent, gold):
        sync_folder(folder)
    for name in (*(table.file_name for table in GOLD), MANIFEST):
        if not (gold / name).is_symlink():
            point_link(gold / name, f"_current/{name}")
    point_link(gold / "_current", f"_versions/{publication.run_id}")
    _forget_old_versions(version.parent, keep=version)
    return True


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: PublicTable,
    client: str,
    path: Path,
    declared: Mapping[str, Sequence[str]],
    gold: Path,
) -> dict[str, Any]:
    rows = write_parquet(connection, table, client, path)
    columns = check_file(connection, table, path, rows, declared.get(table.name, ()), gold / table.file_name)
    sync_file(path)
    return {
        "name": table.file_name,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "rows": rows,
        "columns": columns,
    }


def write_parquet(
    connection: duckdb.DuckDBPyConnection, table: PublicTable, client: str, path: Path, without: str = ""
) -> int:
    """Write a client's rows of a table, in the table's order, and give how many there are."""
    order = ", ".join(f'"{name}"' for name in table.order)
    columns = f"* exclude ({without})" if without else "*"
    row = connection.execute(
        f"copy (select {columns} from {table.relation} where lower(client) = $client order by {order})"
        " to $path (format parquet, compression zstd, row_group_size 20000)",
        {"client": client, "path": str(path)},
    ).fetchone()
    return int(row[0]) if row else 0


def _publish_silver(connection: duckdb.DuckDBPyConnection, home: Path, client: str) -> None:
    harmonized = home / "silver" / "harmonized" / f"{client.upper()}.parquet"
    harmonized.parent.mkdir(parents=True, exist_ok=True)
    aside = harmonized.with_suffix(".partial")
    write_parquet(connection, HARMONIZED, client, aside, without="row_id")
    if harmonized.exists() and sha256_of(harmonized) == sha256_of(aside):
        aside.unlink()
    else:
        replace_durably(aside, harmonized)


def _sources(connection: duckdb.DuckDBPyConnection, client: str) -> list[dict[str, Any]]:
    """The bronze contents that the client's gold was computed from."""
    rows = connection.execute(
        "select file_key, sha256, size_bytes from bronze.bronze_arrivals"
        " where client = ? and status = 'loaded' order by file_key, sha256",
        [client],
    ).fetchall()
    return [{"key": key, "sha256": sha256, "bytes": size} for key, sha256, size in rows]


def _read_manifest(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _forget_old_versions(versions: Path, keep: Path) -> None:
    others = sorted((found for found in versions.iterdir() if found != keep), key=lambda found: found.name)
    for old in others[: max(0, len(others) - KEPT_VERSIONS + 1)]:
        shutil.rmtree(old)
