"""Find the recorded decisions that calculated a version of limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from tribolake.run.warehouse import open_warehouse, rows_of, table_exists
from tribolake.settings import Settings

# The history of limits names the run that first published a version, for the limits that changed.
FIRST_RUN = """
    select history.run_id, max(decisions.decided_at) as decided_at
    from history.limits_history as history
    inner join history.limit_decisions as decisions on history.run_id = decisions.run_id
    where history.limits_version = $version and lower(history.client) = $client
    group by history.run_id
    order by decided_at
    limit 1
"""
DECISIONS = """
    select
        run_id, decided_at, machine, component, reason, n_before, n_now, n_new, shifted_essay, shift_statistic,
        shift_p_value
    from history.limit_decisions
    where
        is_recalculated and lower(client) = $client and decided_at <= $until
        and ($machine is null or (machine = $machine and component = $component))
    qualify row_number() over (partition by machine, component order by decided_at desc) = 1
    order by machine, component
"""


def decisions_of(
    settings: Settings, client: str, version: str, group: tuple[str, str] | None = None
) -> list[dict[str, Any]] | None:
    """Return the decision on each group of samples that calculated its limits of a version.

    Args:
        settings: the lake.
        client: of the version.
        version: of limits.
        group: machine and component. None means every group.

    Returns:
        None if the warehouse of this machine does not know the version.
    """
    machine, component = group or (None, None)
    with _warehouse(settings) as warehouse:
        if warehouse is None:
            return None
        first = rows_of(warehouse, FIRST_RUN, {"version": version, "client": client})
        if not first:
            return None
        asked = {"client": client, "until": first[0]["decided_at"], "machine": machine, "component": component}
        return rows_of(warehouse, DECISIONS, asked)


@contextmanager
def _warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Open the warehouse of this machine. Yields None if there is none with a history."""
    if not settings.warehouse.exists():
        yield None
        return
    with open_warehouse(settings.warehouse, read_only=True) as warehouse:
        tables = (("history", "limits_history"), ("history", "limit_decisions"))
        yield warehouse if all(table_exists(warehouse, *table) for table in tables) else None
