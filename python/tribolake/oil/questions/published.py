"""Rows of published tables, by column name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.oil.product import OIL
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.trace.published_rows import published_rows

# In one spelling: `T-09` and `t_09` are one unit.
PLAIN_UNIT = "replace(lower({name}), '-', '_')"


def rows(
    settings: Settings,
    sql: str,
    clients: Sequence[str] | None = None,
    published: Objects | None = None,
    needs: Collection[str] = (),
    is_kept: bool = False,
) -> list[dict[str, Any]]:
    """Return the rows of one `select` over the published tables of these clients. None means all.

    `published` are objects of the lake, pinned if several questions must see one publication. None opens them. `needs`
    names tables that each client must have. With `is_kept` the answer is kept for as long as nothing is published.

    Raises:
        PublishedEarlier: an earlier release published a client, without one of `needs`.
    """
    objects = published or open_objects(settings)
    return published_rows(OIL.contract, objects, sql, clients=clients, needs=needs, is_kept=is_kept)


def is_unit(column: str, unit: str) -> str:
    """Return the SQL condition that a column names a unit, in any spelling of its case and dashes, or exactly."""
    spelled = f"{PLAIN_UNIT.format(name=column)} = {literal(unit.strip().lower().replace('-', '_'))}"
    return f"({column} = {literal(unit)} or {spelled})"
