"""Checks of a lake in which runs were killed: for readers at once, and for all of it after the next run."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from tests.oil.test_arrival_order import differences
from tests.support.small_warehouse import logged, read_whole

from tribolake.oil.product import OIL
from tribolake.settings import load_settings

CLIENTS = ("cda", "emin")


@dataclass(frozen=True)
class Published:
    """Published files of a client: SHA-256 of its gold files and of its harmonized samples."""

    gold: tuple[str, ...]
    harmonized: str


# Another machine may be writing a file there, so what a killed writer left is removed after a day. Bronze is not ours.
STAYS_A_DAY = {"bronze", "_first_listings", "lineage"}
NOTHING = Published((), "")


def readable(lake: Path, client: str) -> tuple[str, ...]:
    """Read a client's gold as a consumer does. Returns the SHA-256 of each file in the manifest, after a check."""
    gold = lake / "oil-analysis" / "gold" / client
    try:
        manifest = json.loads((gold / "_manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    for file in manifest["files"]:
        content = (gold / manifest["folder"] / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"], f"{file['name']} is not what its manifest says"
    return tuple(file["sha256"] for file in manifest["files"])


def published(lake: Path, client: str) -> Published:
    harmonized = lake / "oil-analysis" / "silver" / "harmonized" / f"{client.upper()}.parquet"
    digest = hashlib.sha256(harmonized.read_bytes()).hexdigest() if harmonized.exists() else ""
    return Published(readable(lake, client), digest)


def check_readers(lake: Path, before: dict[str, Published], after: dict[str, Published]) -> None:
    """Check that readers find complete files after a kill, either the old or the new ones."""
    home = lake / "oil-analysis"
    for client in CLIENTS:
        found, allowed = published(lake, client), (before[client], after[client])
        assert found.gold in [one.gold for one in allowed]
        assert found.harmonized in [one.harmonized for one in allowed]
        gold = home / "gold" / client
        if found.gold:
            read_whole(gold, base=gold)
        check_snapshots(gold)
    silver = home / "silver"
    for parquet in [*silver.glob("_delta/*.parquet"), *silver.glob("stewart_limits/[!.]*/*.parquet")]:
        duckdb.execute("select count(*) from read_parquet(?)", [str(parquet)]).fetchone()
    check_log_lines(lake)


def check_snapshots(gold: Path) -> None:
    for day in (gold / "_history").glob("[0-9]*"):
        read_whole(day)


def check_log_lines(lake: Path) -> list[dict[str, Any]]:
    """Check that each line is complete, and that no run, client and entity has two."""
    lines = logged(lake)
    keys = Counter((line["run_id"], line["client"], line["entity"]) for line in lines)
    assert set(keys.values()) <= {1}, [key for key, n in keys.items() if n > 1]
    return lines


def check_recovered(lake: Path, clean: Path) -> None:
    """Check that the lake is the same as a lake in which no run was killed."""
    for client in CLIENTS:
        assert published(lake, client) == published(clean, client)
        check_history_folder(lake / "oil-analysis" / "gold" / client)
    assert differences(lake, clean) == {}
    check_deltas(lake)
    check_nothing_is_left_over(lake)
    with duckdb.connect(load_settings(lake=lake).warehouse, read_only=True) as warehouse:
        warehouse.execute(f"attach '{load_settings(lake=clean).warehouse}' as clean (read_only)")
        check_rows(warehouse)
        check_alike(warehouse, ALIKE)
        check_history(warehouse, lake)
        check_log(warehouse, lake, clean)


def check_history_folder(gold: Path) -> None:
    """Check that every day can be read, that the last day is the publication, and that every snapshot has a day."""
    check_snapshots(gold)
    history = gold / "_history"
    days = sorted(day for day in history.iterdir() if day.name != "_versions")
    assert days and all(day.name[0].isdigit() for day in days)
    assert read_whole(days[-1]) == read_whole(gold, base=gold)
    assert {day.resolve().name for day in days} == {folder.name for folder in (history / "_versions").iterdir()}


def check_deltas(lake: Path) -> None:
    """Check that the deltas of all days add up to the harmonized samples."""
    silver = lake / "oil-analysis" / "silver"
    for client in CLIENTS:
        row = duckdb.execute(
            """
            with
            lines as (select * from read_parquet($deltas, filename = true, union_by_name = true)),
            last as (
                select * from lines
                qualify row_number() over (
                    partition by sampleNumber, laboratory, sampleOccurrence order by filename desc
                ) = 1
            ),
            followed as (select * exclude (change, run_id, filename) from last where change <> 'removed'),
            harmonized as (from read_parquet($harmonized))
            select
                (select count(*) from (from followed except all from harmonized))
                + (select count(*) from (from harmonized except all from followed))
            """,
            {
                "deltas": str(silver / "_delta" / f"{client.upper()}_*.parquet"),
                "harmonized": str(silver / "harmonized" / f"{client.upper()}.parquet"),
            },
        ).fetchone()
        assert row == (0,), client


def check_nothing_is_left_over(lake: Path) -> None:
    assert list((lake / "_state" / "staging").iterdir()) == []
    for client in CLIENTS:
        assert not list((lake / "oil-analysis" / "gold" / client).glob(".*"))
    left = [path for path in (lake / "oil-analysis").rglob("*.partial") if not STAYS_A_DAY & set(path.parts)]
    assert not left, left


def check_rows(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Check that no row is lost or doubled."""
    lost = (
        "select count(*) from silver.arrival_reconciliation"
        " where rows_read <> rows_loaded + rows_superseded + rows_rejected"
    )
    assert warehouse.execute(lost).fetchone() == (0,)
    doubled = "select count(*) - count(distinct row_id) from bronze.bronze_rows"
    assert warehouse.execute(doubled).fetchone() == (0,)


# Rows that must be the same as without kills. Only times and run ids may differ, so they are not selected.
ALIKE = (
    "select client, file_key, sha256, status, rows_read from bronze.bronze_arrivals",
    "select * from bronze.bronze_rows",
    "select * from silver.samples",
    "select * from silver.results",
    "select * from silver.rejected_rows",
    "select * from silver.rejected",
    "select content_id, state from control.processed_contents",
    "select client, machine, component, n from control.limit_calculations",
    "select client, laboratory, sampleNumber, sampleOccurrence, report_status, severity_score, breached_essays,"
    " dbt_valid_to is null from history.report_status_history",
    "select client, unit_id, overall_status, component_details, dbt_valid_to is null"
    " from history.machine_status_history",
    "select client, machine, component, essay, threshold_normal, count, dbt_valid_to is null"
    " from history.limits_history",
    "select client, entity, old_count, new_count, added, changed, removed from history.change_log",
)


# Without requested calculations: after a kill they may have been requested twice. A rebuild that was killed after its
# last step is done, and decided, again.
DECISIONS = (
    "select distinct client, machine, component, reason, n_before, n_now from history.limit_decisions"
    " where is_recalculated and reason <> 'asked for'"
)


def check_decisions(lake: Path, clean: Path) -> None:
    """Check that the decisions to calculate limits are those of the clean lake."""
    with duckdb.connect(load_settings(lake=lake).warehouse, read_only=True) as warehouse:
        warehouse.execute(f"attach '{load_settings(lake=clean).warehouse}' as clean (read_only)")
        check_alike(warehouse, [DECISIONS])


def check_alike(warehouse: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> None:
    for query in queries:
        theirs = query.replace(" from ", " from clean.")
        row = warehouse.execute(
            f"select (select count(*) from ({query} except all {theirs})),"
            f" (select count(*) from ({theirs} except all {query}))"
        ).fetchone()
        assert row == (0, 0), f"{row} rows too many and missing: {query}"


def check_history(warehouse: duckdb.DuckDBPyConnection, lake: Path) -> None:
    """Check that the open versions are the published reports, and that no two versions of one overlap."""
    reports = [str(lake / "oil-analysis" / "gold" / client / "classified_reports.parquet") for client in CLIENTS]
    fields = (
        "client, laboratory, sampleNumber, sampleOccurrence, report_status, severity_score, classification_score,"
        " breached_essays"
    )
    open_versions = f"select {fields} from history.report_status_history where dbt_valid_to is null"
    row = warehouse.execute(
        f"with published as (select {fields} from read_parquet($1))"
        f" select (select count(*) from ({open_versions} except all from published)),"
        f" (select count(*) from (from published except all {open_versions}))",
        [reports],
    ).fetchone()
    assert row == (0, 0), f"{row} open versions too many and missing"
    overlapping = """
        select count(*)
        from (
            select
                dbt_valid_to,
                lead(dbt_valid_from) over (
                    partition by client, laboratory, sampleNumber, sampleOccurrence
                    order by dbt_valid_from, dbt_valid_to nulls last
                ) as next_from
            from history.report_status_history
        )
        where next_from < coalesce(dbt_valid_to, 'infinity')
    """
    assert warehouse.execute(overlapping).fetchone() == (0,)


def check_log(warehouse: duckdb.DuckDBPyConnection, lake: Path, clean: Path) -> None:
    """Check that log file and log table have the same changes, each once, with the counts of the clean lake."""
    lines = check_log_lines(lake)
    table = warehouse.execute("select run_id, client, entity from history.change_log").fetchall()
    assert sorted(table) == sorted((line["run_id"], line["client"], line["entity"]) for line in lines)
    runs = {(line["run_id"], line["client"]) for line in lines}
    assert len(lines) == len(runs) * len(OIL.contract.entities)
    assert _counts(lines) == _counts(logged(clean))


def _counts(lines: list[dict[str, Any]]) -> dict[tuple[str, str], list[tuple[int, ...]]]:
    """Return the counts of changes by client and entity, in order."""
    found: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    names = ("old_count", "new_count", "added", "changed", "removed")
    for line in lines:
        found.setdefault((line["client"], line["entity"]), []).append(tuple(line[name] for name in names))
    return found
