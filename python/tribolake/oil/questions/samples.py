"""List reports of components: the latest of each, or all of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.contract import COMPONENTS
from tribolake.oil.questions.order import NEWEST_FIRST, OLDEST_FIRST
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.settings import Settings
from tribolake.sql import literal

KEY = "client, laboratory, sample_number, sample_occurrence, sample_date, unit_id, component, component_family"
# A sample is doubtful if it differs from another of its oil, could not be judged, or has results that are not used.
LATEST = f"""
    with

    rejected as (
        select
            client, laboratory, sampleNumber as sample_number, sampleOccurrence as sample_occurrence, essays_rejected
        from classified_reports
    )

    select
        {KEY}, status, score, urgency, policy, rule_ids, ai_recommendation, breached_essays, coded_essays,
        delivered_essays, previous_status,
        coalesce(status in {IN_ALARM} and score > previous_score, false) as got_worse,
        sump_difference is not null or status = 'Sin evaluar' or coalesce(essays_rejected, 0) > 0 as is_doubtful
    from {COMPONENTS.name}
    left join rejected using (client, laboratory, sample_number, sample_occurrence)
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
    order by componentName, {OLDEST_FIRST}
"""

# Samples in alarm without a Normal one after them: those of the open alerts, see `oil/feedback/alerts.py`.
OF_ALERTS = f"""
    select {COLUMNS}
    from (
        from classified_reports
        qualify count(*) filter (where report_status = 'Normal') over (
            partition by client, unitId, componentName order by {NEWEST_FIRST}
            rows between unbounded preceding and current row
        ) = 0
    )
    where report_status in {IN_ALARM}
    order by client, unitId, componentName, {OLDEST_FIRST}
"""
WITH_NUMBER = f"""
    select {COLUMNS}
    from classified_reports
    where contains(lower(sampleNumber), lower({{number}}))
    order by lower(sampleNumber) = lower({{number}}) desc, {NEWEST_FIRST}
    limit {{most}}
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


def samples_of_alerts(
    settings: Settings, clients: Sequence[str] | None = None, published: Objects | None = None
) -> list[dict[str, Any]]:
    """List the samples of open alerts, by client, unit, component and time, with COLUMNS."""
    return rows(settings, OF_ALERTS, clients, published, is_kept=True)


def samples_with_number(
    settings: Settings, number: str, most: int, clients: Sequence[str] | None = None, published: Objects | None = None
) -> list[dict[str, Any]]:
    """List samples whose number has this in it, in any case, with COLUMNS: the number itself first, then the newest."""
    return rows(settings, WITH_NUMBER.format(number=literal(number), most=most), clients, published)
