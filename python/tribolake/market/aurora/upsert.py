"""Insert rows, or update those whose values differ: each database has its own statement for it."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.sql.dml import Insert

from tribolake.market.aurora.columns import KEY, ORIGIN


def upsert(table: sa.Table, dialect: str) -> Insert:
    """Return a statement for many rows. A row with the same values keeps its run, its source and its time."""
    return UPSERTS[dialect](table)


def _postgresql(table: sa.Table) -> Insert:
    insert = postgresql.insert(table)
    names = _values(table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: insert.excluded[name] for name in (*names, *_origin(table))},
        where=sa.tuple_(*(table.c[name] for name in names)).is_distinct_from(
            sa.tuple_(*(insert.excluded[name] for name in names))
        ),
    )


def _mysql(table: sa.Table) -> Insert:
    # `values(x)` is deprecated by MySQL 8, where `new.x` has its place. MariaDB has no other, and pymysql sends rows
    # of statements in batches that end with `on duplicate key update`, and not with `as new on duplicate …`.
    new = {column.name: sa.func.values(sa.literal_column(f"`{column.name}`")) for column in table.columns}
    names = _values(table)
    is_same = sa.tuple_(*(table.c[name] for name in names)).op("<=>")(sa.tuple_(*(new[name] for name in names)))
    # Assignments are carried out from left to right, and see what was assigned before them.
    origin = [(name, sa.case((is_same, table.c[name]), else_=new[name])) for name in _origin(table)]
    return mysql.insert(table).on_duplicate_key_update([*origin, *((name, new[name]) for name in names)])


def _values(table: sa.Table) -> list[str]:
    keys = {column.name for column in table.primary_key} | set(KEY)
    return [column.name for column in table.columns if column.name not in keys | set(ORIGIN)]


def _origin(table: sa.Table) -> list[str]:
    return [name for name in ORIGIN if name in table.columns]


UPSERTS: dict[str, Callable[[sa.Table], Insert]] = {"postgresql": _postgresql, "mysql": _mysql, "mariadb": _mysql}
