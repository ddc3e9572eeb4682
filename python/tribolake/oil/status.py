"""Read the status of a lake: the published fleet, the last run, and files that wait or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake import open_lake
from tribolake.lake.ledger import new_files
from tribolake.oil.arrivals import FAILED_FILES
from tribolake.oil.product import OIL
from tribolake.run.calls import last_calls
from tribolake.run.home import bring_warehouse
from tribolake.run.warehouse import last_run, lower_names, open_warehouse, read_ledger, rows_of, table_exists
from tribolake.settings import Settings
from tribolake.watch.heartbeat import read_heartbeat

MACHINES_QUERY = """
    select
        machines.client, machines.unit_id, machines.overall_status, machines.machine_score, machines.priority_score,
        machines.worst_component, reasons.why, machines.total_components, machines.components_anormal,
        machines.components_alerta, machines.components_normal, machines.components_sin_evaluar,
        machines.components_stale, left(machines.latest_sample_date, 10) as latest_sample_date,
        machines.machine_ai_recommendation
    from gold.machine_status_current as machines
    left join {reasons} as reasons on machines.client = reasons.client and machines.unit_id = reasons.unit_id
    where $clients is null or list_contains($clients, lower(machines.client))
    order by
        machines.priority_score desc, machines.weighted_machine_score desc, machines.machine_score desc,
        machines.client, machines.unit_id
"""
# The warehouse of an earlier release has no such view until the next run.
NO_REASONS = "(select '' as client, '' as unit_id, null as why where false)"
UNMAPPED_QUERY = "select client, kind, name, cells_affected from silver.unmapped_names order by all"
REPORTS_QUERY = """
    select lower(client) as client, report_status, count(*) as reports
    from gold.classified_reports group by all order by all
"""


@dataclass(frozen=True)
class LakeStatus:
    """The status of a lake. `machines` are ranked by urgency, the most urgent first."""

    lake: str
    last_run: dict[str, Any] | None
    waiting_files: list[str]
    failed_files: list[dict[str, Any]]
    unmapped_names: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    machines: list[dict[str, Any]]
    watcher: dict[str, Any] | None
    calls: dict[str, int]  # to the object store, by the last run on this machine

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def lake_status(settings: Settings, clients: Sequence[str] | None) -> LakeStatus:
    """Read the status of a lake without changing it.

    Raises:
        ConfigurationError: no run has taken place.
    """
    lake = open_lake(settings)
    bring_warehouse(settings)
    if not settings.warehouse.exists():
        raise ConfigurationError(
            f"{settings.address} has no warehouse yet: put files under {settings.prefix}/bronze/CLIENT/ and start "
            "`tribolake run`, or try `tribolake demo`"
        )
    wanted = lower_names(clients)
    heartbeat = read_heartbeat(settings.state)
    with open_warehouse(settings.warehouse, read_only=True) as warehouse:
        past = last_run(warehouse)
        is_built = table_exists(warehouse, "gold", "machine_status_current")
        return LakeStatus(
            lake=settings.address,
            last_run=past.report if past else None,
            waiting_files=[file.key for file in new_files(lake, read_ledger(warehouse, OIL), wanted)],
            failed_files=rows_of(warehouse, FAILED_FILES, {"clients": wanted}) if is_built else [],
            unmapped_names=rows_of(warehouse, UNMAPPED_QUERY) if is_built else [],
            reports=rows_of(warehouse, REPORTS_QUERY) if is_built else [],
            machines=_machines(warehouse, wanted) if is_built else [],
            watcher=heartbeat.as_dict() if heartbeat else None,
            calls=last_calls(settings.state),
        )


def _machines(warehouse: duckdb.DuckDBPyConnection, clients: list[str] | None) -> list[dict[str, Any]]:
    has_reasons = warehouse.execute("select 1 from duckdb_views() where view_name = 'machine_reasons'").fetchone()
    query = MACHINES_QUERY.format(reasons="gold.machine_reasons" if has_reasons else NO_REASONS)
    return rows_of(warehouse, query, {"clients": clients})
