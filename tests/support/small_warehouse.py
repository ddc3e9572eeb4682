"""A small warehouse with one client to publish, and the checks of a consumer who reads the publication."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

from tribolake.lake.claims import FolderClaims
from tribolake.lake.custody import LeasedCustody
from tribolake.lake.lease import Lease
from tribolake.oil.product import OIL
from tribolake.publish.gold import publish_client
from tribolake.publish.history import days_of, retire_snapshots
from tribolake.publish.in_folder import FolderShelf
from tribolake.publish.places import Places
from tribolake.publish.retention import DAILY, WEEKLY
from tribolake.publish.settling import retiring_step
from tribolake.publish.version import ManifestHeader

CLIENT = "cda"
DAY = "2026-01-31"
PUBLISHED = (
    "gold.classified_reports",
    "gold.machine_status_current",
    "limits.stewart_limits",
    "gold.component_status",
    "gold.report_results",
    "silver.samples",
    "silver.rejected",
)
TABLES = """
    create schema gold; create schema limits; create schema silver; create schema changes;
    create schema seeds;
    create table gold.classified_reports as
        select 'CDA' as client, 'S' || i as sampleNumber, 'finning' as laboratory, 'T_' || i % 7 as unitId,
               'motor' as componentName, timestamp '2026-01-01' + to_days(i::int) as sampleTimestamp,
               'Normal' as report_status, {mark} as mark, '' as sampleOccurrence
        from range({rows}) t(i);
    create table gold.machine_status_current as
        select 'T_' || i as unit_id, 'CDA' as client, 'Normal' as overall_status, {mark} as mark from range(7) t(i);
    create table limits.stewart_limits as
        select 'CDA' as client, 'camion' as machine, 'motor' as component, 'E' || i as essay,
               10::double as threshold_normal, 20::double as threshold_alert, 30::double as threshold_critic,
               5 as count, {mark} as mark, 'v{mark}' as limits_version, 'ppm' as unit
        from range(9) t(i);
    create table gold.component_status as
        select client, unit_id, 'motor' as component, overall_status as status, mark from gold.machine_status_current;
    create table gold.report_results as
        select * exclude (report_status), 'Hierro' as essay, 10::double as value from gold.classified_reports;
    create table limits.int_limits as
        select 'machine' as grain, null::varchar as machine_model, * from limits.stewart_limits;
    create table silver.samples as
        select * exclude (report_status), 1 as row_id, 0 as previous_row_id from gold.classified_reports;
    create table silver.rejected as
        select 'CDA' as client, 'not_a_number' as reason, 'value' as subject, 'k' as file_key, 'OIL' as sheet,
               i::integer as row_number, 'Fe' as column_name, 'S' || i as sampleNumber, 'Hierro' as essay, 'x' as text,
               null::varchar as detail, 1::bigint as cells, 'c' as content_id, {mark} as mark
        from range(3) t(i);
    create table changes.int_contents as
        select 'cda' as client, 'k' as file_key, null::varchar as version_id, 's' as sha256, 1 as size_bytes,
               true as is_live;
    create table seeds.clients as select 'cda' as client, 'CDA' as client_code;
"""


def warehouse(mark: int, rows: int = 2000, path: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Make a warehouse in which every row has this `mark`."""
    connection = duckdb.connect(path or ":memory:", config={"threads": 1})
    connection.execute(TABLES.format(mark=mark, rows=rows))
    return connection


def shelf_in(root: Path) -> FolderShelf:
    return FolderShelf(root, root / "oil-analysis")


def publish(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    run: str,
    at: str = DAY,
    declared: Mapping[str, Sequence[str]] | None = None,
    policy: str = "default",
) -> bool:
    return publish_client(
        connection, OIL.contract, shelf_in(root), CLIENT, ManifestHeader(run, policy, at), declared or {}
    ).changed


def publish_as_a_machine(
    connection: duckdb.DuckDBPyConnection, root: Path, run: str, at: str, lease_seconds: float
) -> None:
    """Publish while the lake is held, and ask for the lease before each visible change."""
    custody = LeasedCustody(lambda: Lease(FolderClaims(root / "leases"), "", lease_seconds))
    shelf = FolderShelf(root, root / "oil-analysis", custody.assert_lease_held)
    with custody.hold():
        publish_client(connection, OIL.contract, shelf, CLIENT, ManifestHeader(run, "default", at), {})


def apply_retention(places: Places, daily: int = DAILY, weekly: int = WEEKLY) -> None:
    step = retiring_step(days_of(places.history), days_of(places.archive), daily, weekly)
    retire_snapshots(places, step.archived, step.dropped)


def gold_of(root: Path) -> Path:
    return shelf_in(root).home / "gold" / CLIENT


def snapshots(root: Path) -> list[str]:
    """List the links in the history."""
    return sorted(found.name for found in (gold_of(root) / "_history").iterdir() if found.is_symlink())


def read_whole(folder: Path, base: Path | None = None) -> dict[str, Any]:
    """Read the manifest in a folder, and check that it has every file with its SHA-256.

    A snapshot has the files of tables with a history only.
    """
    manifest = json.loads((folder / "_manifest.json").read_text(encoding="utf-8"))
    files = base / manifest["folder"] if base else folder
    kept = manifest["files"]
    if {"_history", "archive"} & {*folder.parts}:
        kept = [file for file in manifest["files"] if file["name"] != "results.parquet"]
        assert not (folder / "results.parquet").exists()
    for file in kept:
        content = (files / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], f"{file['name']} is not what its manifest says"
        assert (folder / file["name"]).read_bytes() == content
    return manifest


def marks_in(*paths: Path) -> set[int]:
    query = "select distinct mark from read_parquet(?)"
    return {mark for path in paths for (mark,) in duckdb.execute(query, [str(path)]).fetchall()}


def published_mark(root: Path) -> int:
    """Read as a consumer does: the manifest, then each file in its folder. All must be complete and of one run."""
    gold = gold_of(root)
    manifest = read_whole(gold, base=gold)
    marks = marks_in(*(gold / manifest["folder"] / file["name"] for file in manifest["files"]))
    assert len(marks) == 1
    return marks.pop()


def logged(root: Path) -> list[dict[str, Any]]:
    """Read every line of the log of changes."""
    log = root / "logs" / "changes.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").split("\n")[:-1]] if log.exists() else []


def harmonized_of(root: Path) -> Path:
    return shelf_in(root).home / "silver" / "harmonized" / "CDA.parquet"


def rejected_of(root: Path) -> Path:
    return shelf_in(root).home / "silver" / "rejected" / "CDA.parquet"


def delta_of(root: Path, day: str = DAY) -> Path:
    return shelf_in(root).home / "silver" / "_delta" / f"CDA_{day}.parquet"


def day_of(turn: int) -> str:
    return f"2026-01-0{1 + turn % 3}"


def publish_repeatedly(root: Path, path: Path, kill: int, turns: Connection) -> None:
    """Publish two data sets in turn, each on the next of three days. Sends a message after each publication."""
    connection = duckdb.connect(path, config={"threads": 1})
    turns.send("ready")
    for turn in itertools.count(kill):
        mark_all(connection, 1 + turn % 2)
        publish(connection, root, f"run-{kill:03d}-{turn:03d}", at=day_of(turn))
        turns.send("published")


def mark_all(connection: duckdb.DuckDBPyConnection, mark: int) -> None:
    for relation in PUBLISHED:
        connection.execute(f"update {relation} set mark = {mark}")
