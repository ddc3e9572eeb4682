"""Read the decisions on limits that runs have recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.run.warehouse import lower_names, open_built, rows_of
from tribolake.settings import Settings

LAST_DECISIONS = """
    select *
    from history.limit_decisions
    where $clients is null or list_contains($clients, lower(client))
    qualify row_number() over (partition by client, machine, component order by decided_at desc) = 1
    order by client, machine, component
"""


def last_decisions(settings: Settings, clients: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the last decision on each group of samples, with its reason and numbers.

    Raises:
        ConfigurationError: no run has finished there.
    """
    with open_built(settings, "history", "limit_decisions") as warehouse:
        return rows_of(warehouse, LAST_DECISIONS, {"clients": lower_names(clients)})
