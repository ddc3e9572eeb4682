"""Read the machines of a fleet as readers see them, from published gold alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tribolake.errors import TribolakeError
from tribolake.lake.objects import Objects
from tribolake.oil.contract import CONTRACT, MACHINES
from tribolake.oil.fleet import with_deadline
from tribolake.trace.manifests import Publication, current_publication, is_put_back, published_clients, published_runs
from tribolake.trace.published_rows import Overtaken, published_rows

MACHINE_FIELDS = (
    "client", "unit_id", "overall_status", "machine_score", "priority_score", "worst_component", "total_components",
    "components_anormal", "components_alerta", "components_normal", "components_sin_evaluar", "components_stale",
    "machine_ai_recommendation", "weighted_machine_score", "latest_sample_date", "first_component", "urgency",
    "first_sample_number", "first_sample_date", "deadline_on", "worst_status", "days_behind_client", "is_recent",
)  # fmt: skip
REPORTS_QUERY = """
    select lower(client) as client, report_status, count(*) as reports from classified_reports group by all order by all
"""
# Where a unit works and what it is, by its latest sample.
UNITS_QUERY = """
    select
        unitId as unit_id, arg_max(site, sampleDate) as site, arg_max(machineName, sampleDate) as machine_name,
        arg_max(machineModel, sampleDate) as machine_model
    from classified_reports
    group by unitId
"""
NOT_SHOWN = "readers find no manifest"
PUT_BACK = "readers see run {}, which somebody put back in place of a later one"
UNKNOWN_UNIT = {"site": None, "machine_name": None, "machine_model": None}


@dataclass(frozen=True)
class PublishedFleet:
    """The published machines, in no order, the counts of reports, and what readers see of each client since when.

    `unread` has the clients whose last publication cannot be read, and why.
    """

    machines: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def clients_to_show(objects: Objects, last_run: Mapping[str, Any] | None) -> list[str]:
    """List clients that have gold, or had it after the last run: somebody may have removed it."""
    of_last_run = (last_run or {}).get("clients", {})
    return sorted({*published_clients(objects), *(name for name, done in of_last_run.items() if done["published"])})


def read_fleet(
    objects: Objects,
    clients: Sequence[str],
    now: datetime,
    why: Mapping[tuple[str, str], str] | None = None,
    last: Mapping[str, str] | None = None,
) -> PublishedFleet:
    """Read the published machines of clients.

    Args:
        objects: of the lake.
        clients: names of folders of gold.
        now: deadlines are compared with its day.
        why: reasons by published client and unit, if known.
        last: the run that published last, by client, if known.

    Raises:
        Overtaken: the pinned publication of a client is gone.
    """
    fleet = PublishedFleet()
    for client in clients:
        try:
            publication = current_publication(objects, client)
            if publication is None:
                if published_runs(objects, client):
                    fleet.unread[client] = NOT_SHOWN
            elif publication.folder is not None:
                if is_put_back(objects, publication, (last or {}).get(client)):
                    fleet.unread[client] = PUT_BACK.format(publication.run_id)
                _read_client(objects, publication, fleet, now, why or {})
        except Overtaken:
            raise
        except (TribolakeError, OSError, ValueError) as error:
            fleet.unread[client] = " ".join(str(error).split())[:300]
    return fleet


def _read_client(
    objects: Objects, publication: Publication, fleet: PublishedFleet, now: datetime, why: Mapping[tuple[str, str], str]
) -> None:
    def rows(select: str) -> list[dict[str, Any]]:
        return published_rows(CONTRACT, objects, select, clients=[publication.client], is_kept=True)

    reports = rows(REPORTS_QUERY)
    # An earlier release published fewer columns.
    kept = {row["column_name"] for row in rows(f"describe {MACHINES.name}")}
    columns = ", ".join(name if name in kept else f"null as {name}" for name in MACHINE_FIELDS)
    machines = rows(f"select {columns} from {MACHINES.name}")
    units = {row.pop("unit_id"): row for row in rows(UNITS_QUERY)}
    for machine in machines:
        machine["latest_sample_date"] = str(machine["latest_sample_date"] or "")[:10]
        machine["why"] = why.get((machine["client"], machine["unit_id"]))
        unit = units.get(machine["unit_id"], UNKNOWN_UNIT)
        fleet.machines.append(with_deadline(machine | unit, now.date()))
    fleet.reports.extend(reports)
    fleet.published.append(
        {
            "client": publication.client,
            "run_id": publication.run_id,
            "published_at": publication.began_at.isoformat(),
            "policy": publication.manifest.get("policy"),
            "age_seconds": round((now - publication.began_at).total_seconds()),
            "reports": sum(row["reports"] for row in reports),
            "machines": len(machines),
            "newest_sample": max((machine["latest_sample_date"] for machine in machines), default=None),
        }
    )
