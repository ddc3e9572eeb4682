"""Version folders: one publication of a client, complete and durable before a link or manifest names it.

classified_reports.parquet, machine_status_current.parquet, stewart_limits.parquet, _manifest.json    the gold
_harmonized.parquet, _delta.parquet, _changes.json    for the settling steps, see settling.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from tribolake.lake.files import sha256_of, sync_file, sync_folder, sync_up, write_durably
from tribolake.product import Entity, PublicTable
from tribolake.publish.changes import changes_of
from tribolake.publish.contract import MANIFEST, check_file
from tribolake.publish.delta import write_delta
from tribolake.publish.places import Places

HARMONIZED_FILE = "_harmonized.parquet"
DELTA_FILE = "_delta.parquet"
CHANGES_FILE = "_changes.json"
FOLLOWERS = (HARMONIZED_FILE, DELTA_FILE, CHANGES_FILE)


@dataclass(frozen=True)
class ManifestHeader:
    """Manifest fields that the run knows. `code` is the fingerprint of the models, seeds and Python that ran."""

    run_id: str
    policy: str
    published_at: str
    code: str = "unknown"


@dataclass(frozen=True)
class Version:
    """A finished version folder and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def run_id(self) -> str:
        return str(self.manifest["run_id"])

    @property
    def day(self) -> date:
        """The UTC day of the publication and of its snapshot."""
        published_at = datetime.fromisoformat(self.manifest["published_at"])
        return (published_at if published_at.tzinfo is None else published_at.astimezone(UTC)).date()

    @property
    def prepared(self) -> set[str]:
        """Names of the files in the folder."""
        return {path.name for path in self.folder.iterdir()}

    @property
    def gold_files(self) -> list[Path]:
        return [self.folder / name for name in (*(file["name"] for file in self.manifest["files"]), MANIFEST)]


def current_version(places: Places) -> Version | None:
    """Read the published version of a folder. None if nothing was published."""
    if not places.manifest.exists():
        return None
    manifest = json.loads(places.manifest.read_text(encoding="utf-8"))
    return Version(places.gold / manifest["folder"], manifest)


def files_of(places: Places) -> tuple[str, ...]:
    """Return the names of the files of a version, the manifest last."""
    return (*(table.file_name for table in places.contract.tables), *FOLLOWERS, MANIFEST)


def write_files(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    folder: Path,
    declared: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Write the gold and the harmonized file into a version folder and check them against the contract.

    Returns:
        The manifest entry of each gold file.

    Raises:
        ContractBroken: a file breaks the contract.
    """

    def write_harmonized() -> dict[str, Any]:
        path = folder / HARMONIZED_FILE
        return _write(connection, places.contract.samples, places.client, path, (), places.harmonized)

    def write_gold(table: PublicTable) -> dict[str, Any]:
        columns, published = declared.get(table.name, ()), places.gold / table.file_name
        return _write(connection, table, places.client, folder / table.file_name, columns, published)

    # A file is one row group, which one thread writes. Two files at a time use two cores.
    with ThreadPoolExecutor(2) as threads:
        harmonized = threads.submit(write_harmonized)
        files = list(threads.map(write_gold, places.contract.tables))
        harmonized.result()
    return files


def is_published(
    places: Places, current: Version | None, folder: Path, files: list[dict[str, Any]], header: ManifestHeader
) -> bool:
    """Return whether the published files are the same, byte for byte."""
    return (
        current is not None
        and current.manifest["files"] == files
        and current.manifest["policy"] == header.policy
        and places.harmonized.exists()
        and sha256_of(places.harmonized) == sha256_of(folder / HARMONIZED_FILE)
    )


def seal(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    current: Version | None,
    folder: Path,
    files: list[dict[str, Any]],
    header: ManifestHeader,
) -> Version:
    """Write the changes and the manifest. Afterwards the folder is durable and never changes."""
    _write_changes(connection, places, current, folder, header)
    manifest = {
        "schema_version": places.contract.schema_version,
        "client": places.client,
        "run_id": header.run_id,
        "policy": header.policy,
        "code": header.code,
        "published_at": header.published_at,
        # Some readers open a name twice, for its footer and for its rows. Files in this folder never change.
        "folder": f"{places.versions.name}/{header.run_id}",
        "files": files,
        "sources": _sources(connection, places),
    }
    write_durably(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    sync_folder(folder)
    sync_up(folder, places.root)
    return Version(folder, manifest)


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: PublicTable,
    client: str,
    path: Path,
    declared: Sequence[str],
    published: Path,
) -> dict[str, Any]:
    with connection.cursor() as cursor:
        rows = _write_parquet(cursor, table, client, path)
        columns = check_file(cursor, table, path, rows, declared, published)
    sync_file(path)
    return {
        "name": path.name,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "rows": rows,
        "columns": columns,
    }


def _write_parquet(connection: duckdb.DuckDBPyConnection, table: PublicTable, client: str, path: Path) -> int:
    """Write the rows of a client in the table's order. Returns their number."""
    order = ", ".join(f'"{name}"' for name in table.order)
    columns = f"* exclude ({', '.join(table.without)})" if table.without else "*"
    row = connection.execute(
        f"copy (select {columns} from {table.relation} where lower(client) = $client order by {order})"
        " to $path (format parquet, compression zstd, row_group_size 20000)",
        {"client": client, "path": str(path)},
    ).fetchone()
    return int(row[0]) if row else 0


def _write_changes(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    current: Version | None,
    folder: Path,
    header: ManifestHeader,
) -> None:
    """Write the delta and the changes against the published files, before these are replaced."""
    contract, samples = places.contract, places.contract.samples
    before = {samples.name: places.harmonized} | (
        {table.name: current.folder / table.file_name for table in contract.tables} if current else {}
    )
    after = {samples.name: folder / HARMONIZED_FILE} | {
        table.name: folder / table.file_name for table in contract.tables
    }
    published = {name: path for name, path in before.items() if path.exists()}

    def entry(entity: Entity) -> dict[str, Any]:
        with connection.cursor() as cursor:
            changes = changes_of(cursor, entity, published.get(entity.table.name), after[entity.table.name])
        return {"run_id": header.run_id, "at": header.published_at, "client": places.client} | changes

    def delta() -> None:
        old, new = published.get(samples.name), after[samples.name]
        with connection.cursor() as cursor:
            write_delta(cursor, samples, old, new, header.run_id, folder / DELTA_FILE)

    with ThreadPoolExecutor(2) as threads:
        written = threads.submit(delta)
        entries = list(threads.map(entry, contract.entities))
        written.result()
    write_durably(folder / CHANGES_FILE, json.dumps(entries, ensure_ascii=False, indent=1) + "\n")


def _sources(connection: duckdb.DuckDBPyConnection, places: Places) -> list[dict[str, Any]]:
    """Return the bronze contents behind the client's gold."""
    rows = connection.execute(places.contract.sources, {"client": places.client}).fetchall()
    return [{"key": key, "version_id": version, "sha256": sha256, "bytes": size} for key, version, sha256, size in rows]
