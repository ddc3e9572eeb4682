"""The decisions on limits that runs have recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.settings import Settings
from tribolake.warehouse import open_warehouse, rows_of, table_exists

LAST_DECISIONS = """
    select *
    from history.limit_decisions
    where $clients is null or list_contains($clients, lower(client))
    qualify row_number() over (partition by client, machine, component order by decided_at desc) = 1
    order by client, machine, component
"""


def last_decisions(settings: Settings, clients: Sequence[str] | None) -> list[dict[str, Any]]:
    """The last decision on each group of samples, with its reason and numbers.

    Raises:
        ConfigurationError: nothing was ever run there.
    """
    if not settings.warehouse.exists():
        raise ConfigurationError(f"{settings.lake} has no warehouse yet: start `tribolake run` first")
    with open_warehouse(settings.warehouse, read_only=True) as warehouse:
        if not table_exists(warehouse, "history", "limit_decisions"):
            raise ConfigurationError(f"{settings.lake} has no decisions yet: start `tribolake run` first")
        return rows_of(warehouse, LAST_DECISIONS, {"clients": [name.lower() for name in clients] if clients else None})
