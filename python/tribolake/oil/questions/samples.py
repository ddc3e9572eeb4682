"""List reports of components: the latest of each, or all of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.contract import COMPONENTS
from tribolake.oil.questions.published import rows
from tribolake.settings import Settings
from tribolake.sql import literal

KEY = "client, laboratory, sample_number, sample_occurrence, sample_date, unit_id, component, component_family"
LATEST = f"""
    select
        {KEY}, status, score, urgency, policy, rule_ids, ai_recommendation, breached_essays, coded_essays,
        delivered_essays
    from {COMPONENTS.name}
    order by client, unit_id, component
"""
COLUMNS = """
    client, laboratory, sampleNumber as sample_number, sampleOccurrence as sample_occurrence,
    sampleDate as sample_date, unitId as unit_id, componentName as component,
    componentNameNormalized as component_family, report_status as status, classification_score as score, urgency
"""
OF_UNIT = f"""
    select {COLUMNS}
    from classified_reports
    where unitId = {{unit}}
    order by componentName, sampleDate, sampleTimestamp, sourceRow desc
"""


def latest_samples(
    settings: Settings, clients: Sequence[str] | None = None, published: Objects | None = None
) -> list[dict[str, Any]]:
    """List the latest report of each component of each unit: what judges the component today.

    Returns:
        Rows with the columns of LATEST. `breached_essays` and the other essays are JSON.

    Raises:
        PublishedEarlier: an earlier release published a client, which has no such table.
    """
    return rows(settings, LATEST, clients, published, needs=[COMPONENTS.name], is_kept=True)


def samples_of(settings: Settings, client: str, unit: str, published: Objects | None = None) -> list[dict[str, Any]]:
    """List all reports of a unit, by component and time, with COLUMNS. `unit` is the published spelling."""
    return rows(settings, OF_UNIT.format(unit=literal(unit)), [client], published)
