"""Read the fleet as published on a day, and every version of the reports of a unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.run.warehouse import lower_names, open_built, rows_of
from tribolake.settings import Settings

MACHINES_AS_OF = """
    select
        client, unit_id, overall_status, machine_score, worst_component, components_anormal, components_alerta,
        components_normal, components_sin_evaluar, left(latest_sample_date, 10) as latest_sample_date,
        dbt_valid_from as valid_from, run_id
    from history.machine_status_history
    where
        dbt_valid_from <= $moment and (dbt_valid_to is null or dbt_valid_to > $moment)
        and ($unit is null or lower(unit_id) = $unit)
        and ($clients is null or list_contains($clients, lower(client)))
    order by priority_score desc, machine_score desc, client, unit_id
"""
REPORTS = """
    select
        client, unitId as unit_id, componentName as component, sampleNumber as sample_number,
        sampleDate as sample_date, report_status, severity_score, classification_score, breached_essays,
        limits_version, policy, dbt_valid_from as valid_from, dbt_valid_to as valid_to, run_id
    from history.report_status_history
    where
        ($unit is null or lower(unitId) = $unit)
        and ($component is null or lower(componentName) = $component or componentNameNormalized = $component)
        and ($clients is null or list_contains($clients, lower(client)))
        and (
            $moment is null
            or (dbt_valid_from <= $moment and (dbt_valid_to is null or dbt_valid_to > $moment))
        )
    order by client, unitId, componentName, sampleDate, sampleNumber, sampleOccurrence, dbt_valid_from
"""
COMPONENTS = """
    select distinct unnest([lower(componentName), componentNameNormalized]) as component
    from history.report_status_history
    where lower(unitId) = $unit and ($clients is null or list_contains($clients, lower(client)))
    order by component
"""


@dataclass(frozen=True)
class History:
    """Machines as of a day (empty without a day), and versions of reports, the oldest sample first."""

    as_of: str | None
    machines: list[dict[str, Any]]
    reports: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_history(
    settings: Settings,
    *,
    clients: list[str] | None = None,
    unit: str | None = None,
    component: str | None = None,
    as_of: date | None = None,
) -> History:
    """Read history from the snapshots of published tables.

    Args:
        settings: the lake.
        clients: only these. None means all.
        unit: a unit. `T-09` and `t_09` are the same.
        component: a compartment as the laboratory wrote it, or a component family.
        as_of: the end of this day (UTC). None means every version.

    Raises:
        ConfigurationError: nothing was published yet, neither unit nor day is given, or no report of the unit or
            component was ever published.
    """
    if unit is None and as_of is None:
        raise ConfigurationError("say what to look up: --unit T-09, --as-of 2026-01-31, or both")
    moment = datetime.combine(as_of, time.min, UTC).replace(tzinfo=None) + timedelta(days=1) if as_of else None
    asked = {
        "unit": unit.strip().lower().replace("-", "_") if unit else None,
        "clients": lower_names(clients),
        "moment": moment,
    }
    with open_built(settings, "history", "report_status_history") as warehouse:
        machines = rows_of(warehouse, MACHINES_AS_OF, asked) if moment else []
        with_component = {**asked, "component": component.strip().lower() if component else None}
        reports = rows_of(warehouse, REPORTS, with_component) if unit else []
        if unit and not reports:
            known = {name: asked[name] for name in ("unit", "clients")}
            _refuse_unknown(unit, component, [row["component"] for row in rows_of(warehouse, COMPONENTS, known)])
    return History(as_of.isoformat() if as_of else None, machines, reports)


def _refuse_unknown(unit: str, component: str | None, components: list[str]) -> None:
    if not components:
        raise ConfigurationError(
            f"no report of a unit {unit[:80]!r} was ever published: `tribolake status --all` lists all"
        )
    if component and component.strip().lower() not in components:
        raise ConfigurationError(
            f"unit {unit[:80]!r} has no component {component[:80]!r}: its components are {', '.join(components)}"
        )
