"""Judge samples by given limits with the project's own models. Their warehouse is not changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from tribolake.sql import literal

# The models that judge a sample, and those that follow from its report, as dbt selects them.
JUDGES = "classified_results+,+classified_reports"
FOLLOWERS = " ".join(
    f"classified_results+,+{name}" for name in ("machine_status_current", "component_status", "report_results")
)
EVALUATED = """
    create or replace table changes.samples_to_judge as
    select evaluated.*, samples.laboratory, samples.sampleOccurrence, true as is_taken
    from limits.int_evaluated_samples as evaluated
    inner join silver.samples as samples on evaluated.row_id = samples.row_id
    where lower(evaluated.client) = $client
"""
# Limits of earlier releases do not say their unit: they judge results in any.
IN_ANY_UNIT = """
    create or replace table limits.int_limits as
    select limits.*, units.unit
    from limits.int_limits as limits
    left join (select distinct essay, unit from silver.results) as units on limits.essay = units.essay
"""
VIEWS = ("silver.results", "limits.int_sample_floors")
UNITS = "create or replace view changes.units_to_judge as select distinct client, unitId from changes.samples_to_judge"


def borrow_warehouse(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, models: Collection[str], client: str
) -> None:
    """Show a warehouse's tables as views in the connection's own database, where models can be built again.

    Args:
        connection: its database is called `warehouse` and is empty.
        warehouse: the file, which is opened read-only.
        models: of gold, that will be built again.
        client: its samples will be judged.
    """
    connection.execute(f"attach {literal(str(warehouse))} as lake (read_only)")
    made = {("limits", "int_limits"), ("changes", "samples_to_judge")} | {("gold", name) for name in models}
    tables = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'lake'")
    for schema, table in tables.fetchall():
        connection.execute(f'create schema if not exists "{schema}"')
        if (schema, table) not in made:
            connection.execute(f'create view "{schema}"."{table}" as from lake."{schema}"."{table}"')
    connection.execute(EVALUATED, {"client": client.lower()})
    connection.execute(UNITS)
    # Views name the tables by the database's name, so they read those of the connection.
    for view in VIEWS:
        connection.execute(f"create view {view} as from lake.{view}")


def judge(connection: duckdb.DuckDBPyConnection, models: Mapping[str, str], limits: Path) -> None:
    """Judge `changes.samples_to_judge` of a borrowed warehouse, into `gold.classified_reports`.

    Args:
        connection: to the warehouse.
        models: SQL of the models that judge, in their order.
        limits: `judging_limits.parquet` of a version.
    """
    load_limits(connection, limits)
    for name, query in models.items():
        connection.execute(f'create or replace table gold."{name}" as {query}')


def load_limits(connection: duckdb.DuckDBPyConnection, limits: Path) -> None:
    """Load `judging_limits.parquet` of a version into `limits.int_limits`."""
    connection.execute("create or replace table limits.int_limits as from read_parquet($1)", [str(limits)])
    # Limits of earlier releases have no median, so rules that compare with it do not match.
    connection.execute("alter table limits.int_limits add column if not exists p50 double")
    if "unit" not in connection.table("limits.int_limits").columns:
        connection.execute(IN_ANY_UNIT)
