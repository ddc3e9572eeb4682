"""Judge recomputed samples by the limits that a run had.

Limits are calculated only for a reason, so those of a run may be older than its bronze. Limits that are calculated from
that bronze alone may differ. Gold of such a run follows from its bronze and its limits. Here, the limits are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from tribolake.lake.files import remove
from tribolake.lake.objects import Objects
from tribolake.oil.limits.judging import FOLLOWERS, JUDGES, borrow_warehouse, judge
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS, STEWART_LIMITS
from tribolake.oil.product import OIL
from tribolake.product import Progress
from tribolake.publish.places import Places
from tribolake.publish.version import write_files
from tribolake.run.dbt import Dbt
from tribolake.settings import Settings
from tribolake.trace.file_comparison import IDENTICAL, FileComparison
from tribolake.trace.find import fetch_version
from tribolake.trace.reprocess import Recomputation, RecomputedGold

REPORTS = "classified_reports"
LIMITS_FILE = f"{STEWART_LIMITS}.parquet"
JUDGED_BY = "select distinct limits_version from read_parquet($1) order by 1 nulls first"
# Reports of an earlier release have no occurrence: each number was one sample.
OF_A_VERSION = """
    create or replace table changes.samples_to_judge as
    with reports as (
        select client, laboratory, sampleNumber, coalesce(sampleOccurrence, '') as sampleOccurrence, limits_version
        from (from read_parquet($reports) union all by name select null::varchar as sampleOccurrence where false)
    )
    select * from every_sample
    where (client, laboratory, sampleNumber, sampleOccurrence) in (
        select (client, laboratory, sampleNumber, sampleOccurrence) from reports
        where limits_version is not distinct from $version
    ) or ($is_last and (client, laboratory, sampleNumber, sampleOccurrence) not in (
        select (client, laboratory, sampleNumber, sampleOccurrence) from reports
    ))
"""


def judge_as_then(again: Recomputation, progress: Progress) -> RecomputedGold | None:
    """Judge a client's samples by the limits that the run had.

    Returns:
        None if its reports are gone, or name the limits that were calculated from its bronze.
    """
    if REPORTS not in again.kept:
        return None
    used, own = limits_of(again.kept[REPORTS]), limits_of(again.gold / f"{REPORTS}.parquet")
    (limits,) = (file for file in again.compared if file.name == LIMITS_FILE)
    # A version is named after thresholds and medians, so calculations from other percentiles can have the same name.
    if (set(used) == set(own) and limits.outcome in IDENTICAL) or not any(used):
        return None
    progress(f"judge {again.client} by the limits that the run had")
    folder = again.scratch.state / "rejudged" / again.client
    reports, of_machines = again.kept[REPORTS], again.kept[STEWART_LIMITS]
    files = rejudge(again.scratch, again.published, again.client, reports, of_machines, folder)
    return RecomputedGold(folder, files, frozenset({LIMITS_FILE}), _about_limits(used, own, limits))


def limits_of(reports: Path) -> list[str | None]:
    """Return the versions of limits that reports name, with None for reports without limits."""
    with duckdb.connect() as connection:
        return [version for (version,) in connection.execute(JUDGED_BY, [str(reports)]).fetchall()]


def rejudge(
    scratch: Settings, published: Objects, client: str, reports: Path, limits: Path, folder: Path
) -> list[dict[str, Any]]:
    """Judge each sample by the version of limits that the run judged it by, and write the client's gold.

    Args:
        scratch: the lake in which the bronze was computed again.
        published: the lake that has the limits.
        client: of the gold.
        reports: `classified_reports.parquet` of the run.
        limits: `stewart_limits.parquet` of the run, which is copied.
        folder: target of the files.

    Returns:
        The entry of each file for a manifest.
    """
    versions = limits_of(reports)
    named: Sequence[str] = [version for version in versions if version]
    files = {version: fetch_version(published, LIMITS, version, JUDGING_LIMITS) for version in named}
    with Dbt(OIL, scratch) as dbt:
        judges = dbt.compile(JUDGES)
        followers = dbt.compile(FOLLOWERS, exclude=JUDGES)
    remove(folder)
    folder.mkdir(parents=True)
    # The name of the file is the name of the models' database, so connections of other threads find it too.
    with duckdb.connect(folder / f"{scratch.warehouse.stem}.duckdb") as connection:
        borrow_warehouse(connection, scratch.warehouse, [*judges, *followers], client)
        connection.execute("drop view limits.stewart_limits")
        connection.execute("create table every_sample as from changes.samples_to_judge")
        connection.execute("create schema kept")
        for number, version in enumerate(versions):
            # Samples without limits are judged by any version, samples that the run did not have by the last one.
            chosen = version or named[-1]
            is_last = number == len(versions) - 1
            connection.execute(OF_A_VERSION, {"reports": str(reports), "version": version, "is_last": is_last})
            of_machines = fetch_version(published, LIMITS, chosen, STEWART_LIMITS)
            connection.execute(
                "create or replace table limits.stewart_limits as from read_parquet($1)", [str(of_machines)]
            )
            judge(connection, judges, files[chosen])
            for name in judges:
                keep = f'create table kept."{name}" as' if number == 0 else f'insert into kept."{name}"'
                connection.execute(f'{keep} from gold."{name}"')
        for name in judges:
            connection.execute(f'create or replace table gold."{name}" as from kept."{name}"')
        connection.execute("create or replace table changes.samples_to_judge as from every_sample")
        for name, query in followers.items():
            connection.execute(f'create table gold."{name}" as {query}')
        connection.execute("create or replace table limits.stewart_limits as from read_parquet($1)", [str(limits)])
        connection.execute("alter table limits.stewart_limits add column if not exists unit varchar default ''")
        # What the run could not read does not depend on limits.
        places = Places(replace(OIL.contract, notes=()), scratch.lake, scratch.lake / scratch.prefix, client)
        return write_files(connection, places, folder, {}).gold


def _about_limits(used: Sequence[str | None], own: Sequence[str | None], limits: FileComparison) -> str:
    return (
        f"the run judged by limits of earlier runs ({', '.join(filter(None, used))}). Calculated from its bronze "
        f"alone they are {', '.join(filter(None, own)) or 'none'}: of {limits.rows_then} limits {limits.rows_changed} "
        f"have another value, {limits.rows_missing} are missing, {limits.rows_added} are new. Samples were computed "
        "again and judged by the limits that the run had"
    )
