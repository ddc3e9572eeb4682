"""List what was delivered and is not used, from the warehouse or from published files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.oil.product import OIL
from tribolake.run.home import bring_warehouse
from tribolake.run.warehouse import open_warehouse, relation_exists, rows_of
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.query import query

RELATION = "silver.rejected"
COLUMNS = """
    client, reason, subject, file_key as file, sheet, row_number as row, column_name, sampleNumber, essay, text, detail
"""
ORDER = "client, file, sheet nulls first, row nulls first, column_name, reason, essay, text"


def list_rejected(
    settings: Settings,
    *,
    clients: Sequence[str] | None = None,
    files: Sequence[str] | None = None,
    reasons: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """List what is not used of the live files.

    Args:
        settings: the lake.
        clients: these only. None means all, as for the other filters.
        files: paths below the lake, or their last parts.
        reasons: of the seed `rejection_reasons`.

    Raises:
        ConfigurationError: neither a warehouse nor a publication has it.
    """
    wanted = OIL.named_clients(clients)
    bring_warehouse(settings)
    if settings.warehouse.exists():
        with open_warehouse(settings.warehouse, read_only=True) as warehouse:
            if relation_exists(warehouse, RELATION):
                return rows_of(warehouse, _select(RELATION, wanted, files, reasons))
    return query(OIL, settings, _select("rejected", wanted, files, reasons), clients=wanted).as_dicts()


def _select(
    relation: str, clients: Sequence[str] | None, files: Sequence[str] | None, reasons: Sequence[str] | None
) -> str:
    conditions = ["true"]
    if clients:
        conditions.append(f"lower(client) in ({', '.join(map(literal, clients))})")
    if files:
        named = (f"file_key = {literal(file)} or ends_with(file_key, {literal('/' + file)})" for file in files)
        conditions.append(f"({' or '.join(named)})")
    if reasons:
        conditions.append(f"reason in ({', '.join(map(literal, reasons))})")
    return f"select {COLUMNS} from {relation} where {' and '.join(conditions)} order by {ORDER}"
