"""What would change between two versions of limits: which limits moved, which samples would change their status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from tribolake.dbtrun import Dbt
from tribolake.errors import ConfigurationError
from tribolake.lake import open_lake
from tribolake.settings import Settings
from tribolake.warehouse import rows_of

# The models that judge, in their order; they run here as they stand in the project.
JUDGES = ("classified_results", "int_report_scores", "classified_reports")
MOVED = """
    select
        coalesce(a.machine, b.machine) as machine,
        coalesce(a.machine_model, b.machine_model) as machine_model,
        coalesce(a.component, b.component) as component,
        coalesce(a.essay, b.essay) as essay,
        case when a.essay is null then 'added' when b.essay is null then 'removed' else 'moved' end as change,
        a.threshold_normal as normal_before, b.threshold_normal as normal_after,
        a.threshold_alert as alert_before, b.threshold_alert as alert_after,
        a.threshold_critic as critic_before, b.threshold_critic as critic_after,
        a.n as n_before, b.n as n_after
    from read_parquet($a) as a
    full join read_parquet($b) as b
        on a.grain = b.grain and a.machine = b.machine and a.component = b.component and a.essay = b.essay
        and a.machine_model is not distinct from b.machine_model
    where (
        a.threshold_normal, a.threshold_alert, a.threshold_critic, a.lower_normal, a.lower_alert, a.lower_critic
    ) is distinct from (
        b.threshold_normal, b.threshold_alert, b.threshold_critic, b.lower_normal, b.lower_alert, b.lower_critic
    )
    order by all
"""
CHANGED = """
    select
        a.unitId as unit_id, a.componentName as component, a.sampleNumber as sample_number,
        a.sampleDate as sample_date, a.report_status as status_before, b.report_status as status_after,
        a.classification_score as score_before, b.classification_score as score_after
    from reports_a as a
    inner join reports_b as b using (client, laboratory, sampleNumber)
    where a.report_status <> b.report_status
    order by a.sampleDate desc, a.unitId, a.componentName, a.sampleNumber
"""


@dataclass(frozen=True)
class LimitsDiff:
    """Limits that moved from version `a` to `b`, and samples whose status they would change."""

    client: str
    a: str
    b: str
    limits: list[dict[str, Any]]
    samples: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def diff_limits(settings: Settings, a: str, b: str) -> LimitsDiff:
    """Judge every sample of a client by either version, with the project's own models.

    Raises:
        ConfigurationError: a version is unknown, or the two belong to different clients.
    """
    files = {version: _judging_limits(settings, version) for version in (a, b)}
    with Dbt(settings) as dbt:
        judges = dbt.compile(*JUDGES)
    with duckdb.connect() as connection:
        clients = {version: _client_of(connection, path) for version, path in files.items()}
        if clients[a] != clients[b]:
            raise ConfigurationError(f"{a} holds limits of {clients[a]}, {b} of {clients[b]}: compare one client's")
        moved = rows_of(connection, MOVED, {"a": str(files[a]), "b": str(files[b])})
        _borrow_warehouse(connection, settings, clients[a])
        for name, version in (("a", a), ("b", b)):
            _judge(connection, judges, files[version])
            connection.execute(f"create table memory.main.reports_{name} as from gold.classified_reports")
        connection.execute("use memory")
        return LimitsDiff(clients[a], a, b, moved, rows_of(connection, CHANGED))


def _judging_limits(settings: Settings, version: str) -> Path:
    versions = open_lake(settings).home / "silver" / "stewart_limits"
    known = {path.parent.name: path for path in versions.glob("*/judging_limits.parquet")}
    if version not in known:
        newest = sorted(known, key=lambda name: known[name].stat().st_mtime, reverse=True)[:8]
        raise ConfigurationError(
            f"limits version {version!r} is unknown in {versions}: choose one of {', '.join(newest) or 'none yet'}"
        )
    return known[version]


def _client_of(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    row = connection.execute("select any_value(client) from read_parquet(?)", [str(path)]).fetchone()
    return str(row[0]) if row else ""


def _borrow_warehouse(connection: duckdb.DuckDBPyConnection, settings: Settings, client: str) -> None:
    """Give the models a warehouse of their own, in memory: it shows the lake's tables and takes what they make."""
    path = str(settings.warehouse).replace("'", "''")
    connection.execute(f"attach '{path}' as lake (read_only); attach ':memory:' as warehouse; use warehouse")
    tables = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'lake'")
    for schema, table in tables.fetchall():
        connection.execute(f'create schema if not exists "{schema}"')
        if (schema, table) not in {("gold", name) for name in JUDGES}:
            connection.execute(f'create view "{schema}"."{table}" as from lake."{schema}"."{table}"')
    connection.execute("drop view limits.int_limits; drop view changes.samples_to_judge")
    connection.execute(
        "create table changes.samples_to_judge as"
        " select evaluated.*, samples.laboratory, true as is_taken"
        " from limits.int_evaluated_samples as evaluated"
        " inner join silver.samples as samples on evaluated.row_id = samples.row_id"
        " where evaluated.client = ?",
        [client],
    )


def _judge(connection: duckdb.DuckDBPyConnection, judges: Mapping[str, str], limits: Path) -> None:
    connection.execute("create or replace table limits.int_limits as from read_parquet(?)", [str(limits)])
    for name in JUDGES:
        connection.execute(f'create or replace table gold."{name}" as {judges[name]}')
