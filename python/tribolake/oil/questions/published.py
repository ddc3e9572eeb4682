"""Rows of published tables, by column name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.product import OIL
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.query import query

# In one spelling: `T-09` and `t_09` are one unit.
PLAIN_UNIT = "replace(lower({name}), '-', '_')"


def rows(
    settings: Settings, sql: str, clients: Sequence[str] | None = None, published: Objects | None = None
) -> list[dict[str, Any]]:
    """Return the rows of one `select` over the published tables of these clients. None means all.

    `published` are objects of the lake, pinned if several questions must see one publication. None opens them.
    """
    return query(OIL, settings, sql, clients=clients, published=published).as_dicts()


def is_unit(column: str, unit: str) -> str:
    """Return the SQL condition that a column names a unit, in any spelling of its case and dashes, or exactly."""
    spelled = f"{PLAIN_UNIT.format(name=column)} = {literal(unit.strip().lower().replace('-', '_'))}"
    return f"({column} = {literal(unit)} or {spelled})"
