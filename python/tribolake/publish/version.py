"""Version folders: one publication of a client, complete and durable before a link or manifest names it.

{table}.parquet of each gold table, _manifest.json    the gold
_harmonized.parquet and other silver, _delta.parquet, _changes.json    for the settling steps, see settling.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from tribolake.at_once import at_once
from tribolake.lake.files import (
    finish_file,
    protect,
    real_path,
    sha256_of,
    sync_folder,
    sync_up,
    write_durably,
)
from tribolake.product import Contract, Entity, PublicTable
from tribolake.publish.changes import changes_of
from tribolake.publish.contract import MANIFEST, check_file
from tribolake.publish.delta import write_delta
from tribolake.publish.manifest import RUN_ID, kept_files, listed_files, read_manifest
from tribolake.publish.places import Places, kept_manifest
from tribolake.sql import quoted

DELTA_FILE = "_delta.parquet"
CHANGES_FILE = "_changes.json"
ROWS = "select concat(schema_name, '.', table_name), estimated_size from duckdb_tables()"


@dataclass(frozen=True)
class ManifestHeader:
    """Manifest fields that the run knows. `code` is the fingerprint of the models, seeds and Python that ran."""

    run_id: str
    policy: str
    published_at: str
    code: str = "unknown"


@dataclass(frozen=True)
class Written:
    """Manifest entries of the files of a version: name, sha256, bytes, rows and columns."""

    gold: list[dict[str, Any]]
    silver: list[dict[str, Any]]


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

    def silver(self, places: Places) -> dict[str, str]:
        """Return the SHA-256 of each silver file, by name. Manifests of early releases have none of them."""
        listed = {file["name"]: file["sha256"] for file in self.manifest.get("followers", ())}
        published = {silver_file(table): places.silver(table) for table in places.contract.silver}
        if listed:
            return {name: listed[name] for name in published if name in listed}
        return {name: sha256_of(path) for name, path in published.items() if path.is_file()}

    def same_names(self, written: Written) -> set[str]:
        """Return the names of written files that have the bytes which this version's manifest lists."""
        listed = {file["name"]: file["sha256"] for file in listed_files(self.manifest)}
        return {file["name"] for file in (*written.gold, *written.silver) if listed.get(file["name"]) == file["sha256"]}

    @property
    def kept_files(self) -> list[Path]:
        """The files of the snapshot of its day, the manifest last."""
        return [self.folder / name for name in (*(file["name"] for file in kept_files(self.manifest)), MANIFEST)]


def current_version(places: Places) -> Version | None:
    """Read the published version of a folder. None if nothing was published.

    A damaged manifest is replaced by its copy in `lineage`. If another program moved the link, the version that was
    published last counts.
    """
    manifest = read_manifest(places.manifest)
    folders = folders_in(places.versions)
    if manifest is None:
        kept = [one for folder in folders if (one := read_manifest(places.lineage(folder.name)))]
        replaced = {one.get("replaces") for one in kept}
        named = (places.gold / "_current").readlink().name if (places.gold / "_current").is_symlink() else None
        unreplaced = [one for one in kept if one["run_id"] not in replaced]
        manifest = max(unreplaced, key=lambda one: (one["run_id"] == named, one["published_at"]), default=None)
    while manifest:
        run_id = manifest["run_id"]
        later = next((one for one in folders if is_replaced_by(places.home, places.client, run_id, one)), None)
        if later is None:
            break
        folders.remove(later)
        manifest = read_manifest(later / MANIFEST)
    version = Version(places.versions / manifest["run_id"], manifest) if manifest else None
    return version if version and version.folder.is_dir() else None


def is_replaced_by(home: Path, client: str, run_id: str, later: Path) -> bool:
    """Return whether a run's version was replaced by another one, which was settled. `later` is its folder."""
    manifest = read_manifest(later / MANIFEST)
    is_later = manifest is not None and manifest.get("replaces") == run_id
    return is_later and kept_manifest(home, client, later.name).exists()


def folders_in(folder: Path) -> list[Path]:
    """List version folders. Other programs leave names that are not of a run: these are left out."""
    found = folder.iterdir() if folder.is_dir() else ()
    return [path for path in found if RUN_ID.match(path.name) and path.is_dir() and not path.is_symlink()]


def silver_file(table: PublicTable) -> str:
    """Return the name of a silver table's file in a version folder."""
    return f"_{table.file_name}"


def followers_of(contract: Contract) -> tuple[str, ...]:
    """Return the names of the files of a version that are for the settling steps."""
    return (*map(silver_file, contract.silver), DELTA_FILE, CHANGES_FILE)


def files_of(places: Places) -> tuple[str, ...]:
    """Return the names of the files of a version, the manifest last."""
    return (*(table.file_name for table in places.contract.tables), *followers_of(places.contract), MANIFEST)


def write_files(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    folder: Path,
    declared: Mapping[str, Sequence[str]],
    altered: AbstractSet[Path] = frozenset(),
) -> Written:
    """Write the gold and silver files into a version folder and check them against the contract.

    `altered` are published files that are not compared, because another program wrote them.

    Raises:
        ContractBroken: a file breaks the contract.
    """

    def write(table: PublicTable, name: str, columns: Sequence[str], published: Path) -> dict[str, Any]:
        before = None if published in altered or real_path(published) in altered else published
        return _write(connection, table, places.client, folder / name, columns, before)

    def write_silver(table: PublicTable) -> dict[str, Any]:
        return write(table, silver_file(table), (), places.silver(table))

    def write_gold(table: PublicTable) -> dict[str, Any]:
        return write(table, table.file_name, declared.get(table.name, ()), places.gold / table.file_name)

    contract = places.contract
    rows = dict(connection.execute(ROWS).fetchall())
    tasks = [*((table, write_silver) for table in contract.silver), *((table, write_gold) for table in contract.tables)]
    # The largest first, so that no core waits for it at the end.
    tasks.sort(key=lambda task: rows.get(task[0].relation, 0), reverse=True)
    entries = at_once(connection, [partial(write_it, table) for table, write_it in tasks])
    written = {table: entry for (table, _), entry in zip(tasks, entries, strict=True)}
    return Written([written[table] for table in contract.tables], [written[table] for table in contract.silver])


def is_published(places: Places, current: Version, written: Written, policy: str) -> bool:
    """Return whether the published files are the same, byte for byte. They were compared with their manifest."""
    return (
        current.manifest["files"] == written.gold
        and current.manifest["policy"] == policy
        and current.silver(places) == {file["name"]: file["sha256"] for file in written.silver}
    )


def seal(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    current: Version | None,
    folder: Path,
    written: Written,
    header: ManifestHeader,
    altered: AbstractSet[Path] = frozenset(),
) -> Version:
    """Write the changes and the manifest. Afterwards the folder is durable and never changes."""
    _write_changes(connection, places, current, folder, header, _before(places, current, folder, written, altered))
    manifest = {
        "schema_version": places.contract.schema_version,
        "client": places.client,
        "run_id": header.run_id,
        "policy": header.policy,
        "code": header.code,
        "published_at": header.published_at,
        # Some readers open a name twice, for its footer and for its rows. Files in this folder never change.
        "replaces": current.run_id if current else None,
        "folder": f"{places.versions.name}/{header.run_id}",
        "files": written.gold,
        "followers": [_entry(folder / name) for name in followers_of(places.contract)],
        "sources": _sources(connection, places),
    }
    write_durably(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
    for path in folder.iterdir():
        protect(path)
    sync_folder(folder)
    sync_up(folder, places.root)
    return Version(folder, manifest)


def _write(
    connection: duckdb.DuckDBPyConnection,
    table: PublicTable,
    client: str,
    path: Path,
    declared: Sequence[str],
    published: Path | None,
) -> dict[str, Any]:
    with connection.cursor() as cursor:
        rows = _write_parquet(cursor, table, client, path)
        columns = check_file(cursor, table, path, rows, declared, published)
    finish_file(path)
    about = {"rows": rows, "columns": columns}
    return _entry(path) | (about if table.has_history else about | {"has_history": False})


def _entry(path: Path) -> dict[str, Any]:
    return {"name": path.name, "sha256": sha256_of(path), "bytes": path.stat().st_size}


def _write_parquet(connection: duckdb.DuckDBPyConnection, table: PublicTable, client: str, path: Path) -> int:
    """Write the rows of a client in the table's order. Returns their number.

    JSON becomes text: as a type of its own it is an extension of Arrow, which cannot be grouped or written as CSV.
    """
    order = ", ".join(f'"{name}"' for name in table.order)
    left_out = f"* exclude ({', '.join(table.without)})" if table.without else "*"
    described = connection.execute(f"select {left_out} from {table.relation} limit 0").description or []
    texts = [
        f"cast({quoted(name)} as varchar) as {quoted(name)}" for name, kind, *_ in described if str(kind) == "JSON"
    ]
    columns = f"{left_out} replace ({', '.join(texts)})" if texts else left_out
    row = connection.execute(
        f"copy (select {columns} from {table.relation} where lower(client) = $client order by {order})"
        " to $path (format parquet, compression zstd, row_group_size 20000)",
        {"client": client, "path": str(path)},
    ).fetchone()
    return int(row[0]) if row else 0


def _before(
    places: Places, current: Version | None, folder: Path, written: Written, altered: AbstractSet[Path]
) -> dict[str, Path]:
    """Return the published file of each table that changes are told of.

    Written files stand for altered ones that had the same bytes before.
    """
    samples = places.contract.samples
    published = {samples.name: places.harmonized}
    if current:
        published |= {table.name: current.folder / table.file_name for table in places.contract.tables}
    of_gold = ((table, table.file_name) for table in places.contract.tables)
    for table, name in ((samples, silver_file(samples)), *of_gold):
        if published.get(table.name) in altered:
            del published[table.name]
            if current and name in current.same_names(written):
                published[table.name] = folder / name
    return {name: path for name, path in published.items() if path.exists()}


def _write_changes(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    current: Version | None,
    folder: Path,
    header: ManifestHeader,
    published: Mapping[str, Path],
) -> None:
    """Write the delta and the changes against the published files, before these are replaced."""
    contract, samples = places.contract, places.contract.samples
    after = {samples.name: folder / silver_file(samples)} | {
        table.name: folder / table.file_name for table in contract.tables
    }

    def entry(entity: Entity, delta: Path | None = None) -> dict[str, dict[str, Any]]:
        name = entity.table.name
        with connection.cursor() as cursor:
            changes = changes_of(cursor, entity, published.get(name), after[name], delta)
        return {entity.name: {"run_id": header.run_id, "at": header.published_at, "client": places.client} | changes}

    def of_samples() -> dict[str, dict[str, Any]]:
        """Write the delta, and return the entry of what it has found, if it is told."""
        before, delta = published.get(samples.name), folder / DELTA_FILE
        with connection.cursor() as cursor:
            write_delta(cursor, samples, before, after[samples.name], header.run_id, delta)
        told = (entity for entity in contract.entities if entity.table.name == samples.name)
        return {name: one for entity in told for name, one in entry(entity, delta if before else None).items()}

    tasks: list[Callable[[], dict[str, dict[str, Any]]]] = [of_samples]
    tasks += [partial(entry, entity) for entity in contract.entities if entity.table.name != samples.name]
    found = {name: one for entries_of_task in at_once(connection, tasks) for name, one in entries_of_task.items()}
    entries = [found[entity.name] for entity in contract.entities]
    write_durably(folder / CHANGES_FILE, json.dumps(entries, ensure_ascii=False, indent=1) + "\n")


def _sources(connection: duckdb.DuckDBPyConnection, places: Places) -> list[dict[str, Any]]:
    """Return the bronze contents behind the client's gold."""
    rows = connection.execute(places.contract.sources, {"client": places.client}).fetchall()
    return [{"key": key, "version_id": version, "sha256": sha256, "bytes": size} for key, version, sha256, size in rows]
