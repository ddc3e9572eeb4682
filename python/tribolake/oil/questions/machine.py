"""Show a machine: its place, its components in the order to look at them, and samples that may be swapped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.oil.contract import COMPONENTS
from tribolake.oil.fleet import with_deadline
from tribolake.oil.questions.published import is_unit, rows
from tribolake.settings import Settings
from tribolake.sql import literal

OF_UNIT = f"""
    select
        component, component_family, sample_number, sample_date, status, score, urgency, sump, alarm_component,
        machine_hours, oil_hours, days_behind_unit, points, weight, is_stale, deadline_on, rule_ids, ai_recommendation,
        policy, breached_essays, coded_essays, delivered_essays
    from {COMPONENTS.name}
    where unit_id = {{unit}}
    order by place
"""
FINDINGS = """
    select distinct sump, sampleDate as sample_date, sump_difference as difference
    from classified_reports
    where unitId = {unit} and sump_difference is not null
    order by sample_date desc
"""


@dataclass(frozen=True)
class ShownMachine:
    """A machine, its components by their latest sample, and days on which samples of one oil differ."""

    machine: dict[str, Any]
    components: list[dict[str, Any]]
    findings: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def show_machine(
    settings: Settings, unit: str, clients: Sequence[str] | None, today: date, published: Objects | None = None
) -> ShownMachine:
    """Read a machine from published files. `T-09` and `t_09` are the same unit.

    `published` are objects of the lake, pinned if other questions must see the same publication. None opens them.

    Raises:
        ConfigurationError: there is no such unit, or several clients have it.
        PublishedEarlier: an earlier release published the client, without the status of components.
    """
    select = f"select * from machine_status_current where {is_unit('unit_id', unit)}"
    found = rows(settings, select, clients, published, needs=[COMPONENTS.name])
    # A laboratory may have units whose names differ by a space before them.
    found = [row for row in found if row["unit_id"] == unit] or found
    if not found:
        raise ConfigurationError(f"no machine {unit[:80]!r} is published: `tribolake status --all` lists all")
    if len(found) > 1:
        names = " or ".join(sorted(one["client"] for one in found))
        raise ConfigurationError(f"several clients have a machine {unit[:80]!r}: give --client {names}")
    machine = with_deadline(found[0], today)
    of_unit = {"unit": literal(machine["unit_id"])}
    client = [machine["client"].lower()]
    return ShownMachine(
        machine,
        rows(settings, OF_UNIT.format(**of_unit), client, published),
        [
            row | {"difference": json.loads(row["difference"])}
            for row in rows(settings, FINDINGS.format(**of_unit), client, published)
        ],
    )
