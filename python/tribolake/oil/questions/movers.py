"""Compare the components of a fleet with what was published on a day: what got worse since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import TribolakeError
from tribolake.lake.replicas import open_objects
from tribolake.oil.contract import REPORTS
from tribolake.oil.product import OIL
from tribolake.oil.questions.order import NEWEST_FIRST
from tribolake.oil.questions.verdicts import IN_ALARM
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.texts import cut, one_line
from tribolake.trace.find import fetch
from tribolake.trace.manifests import published_clients

LONGEST_REASON = 300  # characters
# A component is judged by its latest sample. Publications of earlier releases have fewer columns than these of today.
WORSE = f"""
    with

    now as (
        select
            client, unitId as unit_id, componentName as component, sampleNumber as sample_number,
            sampleDate as sample_date, report_status as status, classification_score as score, urgency,
            breached_essays
        from (
            from read_parquet({{now}})
            qualify row_number() over (
                partition by unitId, componentName order by {NEWEST_FIRST}
            ) = 1
        )
        where report_status in {IN_ALARM} and carries_alarm
    ),

    before as (
        select
            unitId as unit_id, componentName as component, sampleNumber as sample_number_before,
            sampleDate as sample_date_before, report_status as status_before, classification_score as score_before
        from read_parquet({{before}})
        qualify row_number() over (
            partition by unitId, componentName order by {NEWEST_FIRST}
        ) = 1
    )

    select
        now.* exclude (breached_essays),
        before.* exclude (unit_id, component),
        now.score - coalesce(before.score_before, 0) as rise,
        json_extract_string(now.breached_essays, '$[*].essay') as essays
    from now
    left join before on now.unit_id = before.unit_id and now.component = before.component
    where now.score > coalesce(before.score_before, 0)
"""


@dataclass(frozen=True)
class Movers:
    """Components that got worse, and the clients that are left out, with the reason."""

    rows: list[dict[str, Any]]
    left_out: dict[str, str]


def top_movers(settings: Settings, since: date, clients: Sequence[str] | None = None) -> Movers:
    """List components in alarm that are worse than readers saw at the end of a UTC day, the largest rise first.

    Of compartments that share their oil, the one that carries the alarm is listed.

    Args:
        settings: the lake.
        since: the day. The publication of that day counts, or the newest kept one before.
        clients: these only. None means all. One that cannot be compared is left out then.

    Raises:
        ConfigurationError: of a named client, or of none, a publication until that day is kept.
        ContractBroken: the publication of a named client, or of each, is damaged.
    """
    names = OIL.named_clients(clients) or published_clients(open_objects(settings))
    movers, failed = Movers([], {}), None
    with duckdb.connect(config={"threads": 1}) as connection:
        for client in names:
            try:
                now = fetch(OIL, settings, REPORTS.name, client)
                before = fetch(OIL, settings, REPORTS.name, client, as_of=since)
                movers.rows.extend(rows_of(connection, WORSE.format(now=literal(now), before=literal(before))))
            except (TribolakeError, duckdb.Error) as error:
                failed = error
                movers.left_out[client] = cut(one_line(error), LONGEST_REASON)
    if failed and (clients or len(movers.left_out) == len(names)):
        raise failed
    movers.rows.sort(key=lambda row: (-row["rise"], row["client"], row["unit_id"], row["component"]))
    return movers
