"""Judge samples that were computed again by the limits that a run had.

Limits are calculated anew only when there is a reason, so those of a run can be older than its bronze: computed from
that bronze alone they may be others. What such a run published follows from its bronze and from its limits; here the
limits are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tribolake.oil.limits.judging import FOLLOWERS, JUDGES, borrow_warehouse, judge
from tribolake.publish.files import remove_folder
from tribolake.publish.places import Places
from tribolake.publish.version import write_files
from tribolake.run.dbt import Dbt
from tribolake.settings import Settings
from tribolake.trace.find import fetch_limits
from tribolake.trace.published import Published

JUDGED_BY = "select distinct limits_version from read_parquet($1) order by 1 nulls first"
OF_A_VERSION = """
    create or replace table changes.samples_to_judge as
    select * from every_sample
    where (client, laboratory, sampleNumber) in (
        select (client, laboratory, sampleNumber) from read_parquet($reports)
        where limits_version is not distinct from $version
    ) or ($is_last and (client, laboratory, sampleNumber) not in (
        select (client, laboratory, sampleNumber) from read_parquet($reports)
    ))
"""


def limits_of(reports: Path) -> list[str | None]:
    """The versions of limits that reports name; None for those that no limits judged."""
    with duckdb.connect() as connection:
        return [version for (version,) in connection.execute(JUDGED_BY, [str(reports)]).fetchall()]


def rejudge(
    scratch: Settings, published: Published, client: str, reports: Path, limits: Path, folder: Path
) -> list[dict[str, Any]]:
    """Judge each sample by the version of limits that the run judged it by, and write the client's gold.

    Args:
        scratch: the lake in which the bronze was computed again.
        published: the lake that has the limits.
        client: whose gold.
        reports: `classified_reports.parquet` of the run.
        limits: `stewart_limits.parquet` of the run, which is taken as it is.
        folder: where the files go.

    Returns:
        What a manifest says of each file.
    """
    versions = limits_of(reports)
    named: Sequence[str] = [version for version in versions if version]
    files = {version: fetch_limits(published, version) for version in named}
    with Dbt(scratch) as dbt:
        judges = dbt.compile(JUDGES)
        followers = dbt.compile(FOLLOWERS, exclude=JUDGES)
    remove_folder(folder)
    folder.mkdir(parents=True)
    # Called as the models call their database: a connection of another thread finds it too.
    with duckdb.connect(folder / f"{scratch.warehouse.stem}.duckdb") as connection:
        borrow_warehouse(connection, scratch.warehouse, [*judges, *followers], client)
        connection.execute("drop view limits.stewart_limits")
        connection.execute("create table every_sample as from changes.samples_to_judge")
        for number, version in enumerate(versions):
            # Whoever was judged by no limits is judged by any; whoever the run did not have, by the last.
            chosen = version or named[-1]
            is_last = number == len(versions) - 1
            connection.execute(OF_A_VERSION, {"reports": str(reports), "version": version, "is_last": is_last})
            of_machines = fetch_limits(published, chosen, "stewart_limits")
            connection.execute(
                "create or replace table limits.stewart_limits as from read_parquet($1)", [str(of_machines)]
            )
            judge(connection, judges, files[chosen])
            keep = "create table kept_reports as" if number == 0 else "insert into kept_reports"
            connection.execute(f"{keep} from gold.classified_reports")
        connection.execute("create or replace table gold.classified_reports as from kept_reports")
        connection.execute("create or replace table changes.samples_to_judge as from every_sample")
        for name, query in followers.items():
            connection.execute(f'create table gold."{name}" as {query}')
        connection.execute("create or replace table limits.stewart_limits as from read_parquet($1)", [str(limits)])
        places = Places(scratch.lake, scratch.lake / scratch.prefix, client)
        return write_files(connection, places, folder, {})
