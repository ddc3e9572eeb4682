"""The first listing of each content of a file: when it was, and which time the file stated then.

Copying a lake, moving it to a bucket and reading all files again change the times of files. What was recorded first
counts. The record is in the warehouse, and in the lake for a warehouse that is lost or made in another home:

{product}/_first_listings/{run}.json    never changes
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import duckdb

from tribolake.errors import StoreUnavailable
from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.product import Product

FOLDER = "_first_listings"
DAMAGED = (
    "{address} is damaged and set aside: the files that it names count by their times of now. To have their first "
    "listings back, restore it from a backup, move the warehouse away and run again. Or remove it"
)
UNPARSED = (ValueError, TypeError, OverflowError, RecursionError)
# One row per file and content.
NOT_RECORDED = """
    select file_key, sha256, min(arrived_at) as listed_at, arg_min(modified_at, arrived_at) as modified_at
    from {arrivals} as arrivals
    where status in ('loaded', 'duplicate')
    group by file_key, sha256
    having not exists (
        from control.first_listings as known
        where known.file_key = arrivals.file_key and known.sha256 = arrivals.sha256
    )
    order by all
"""
RECORD = """
    insert into control.first_listings
    select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::timestamptz[]), unnest(?::timestamptz[])
    on conflict do nothing
"""
FirstListing = tuple[str, str, datetime, datetime]  # key of the file, SHA-256, first listing, stated time


def learn_first_listings(
    warehouse: duckdb.DuckDBPyConnection,
    product: Product,
    replicas: Sequence[Objects],
    run_id: str,
    *,
    has_arrivals: bool,
) -> list[str]:
    """Fill an empty record from the lake, then from the arrivals of an earlier release.

    Returns:
        Damaged files of the lake's record, with what to do. The rest of the record counts.
    """
    if warehouse.execute("select 1 from control.first_listings limit 1").fetchone():
        return []
    known: list[FirstListing] = []
    problems: list[str] = []
    for replica, unless_copy_is_away in _with_copies(replicas):
        with unless_copy_is_away:
            for listed in replica.files(f"{replica.home}/{FOLDER}"):
                try:
                    known += _parsed(replica.read(listed.key))
                except (ObjectUnreadable, *UNPARSED):
                    problems.append(DAMAGED.format(address=replica.address(listed.key)))
    _record(warehouse, sorted(known, key=lambda one: one[2]))
    if has_arrivals:
        keep_first_listings(warehouse, product, replicas, f"{run_id}-earlier")
    return problems


def keep_first_listings(
    warehouse: duckdb.DuckDBPyConnection, product: Product, replicas: Sequence[Objects], run_id: str
) -> None:
    """Record what arrived, first in the lake. Give each replica what only another one has."""
    new = _not_recorded(warehouse, product)
    if new:
        rows = [(key, sha256, listed.isoformat(), modified.isoformat()) for key, sha256, listed, modified in new]
        content = json.dumps(rows, ensure_ascii=False).encode()
        for replica, unless_copy_is_away in _with_copies(replicas):
            with unless_copy_is_away:
                replica.tidy(f"{replica.home}/{FOLDER}")
                replica.put(f"{replica.home}/{FOLDER}/{run_id}.json", content)
        _record(warehouse, new)
    if len(replicas) > 1:
        with suppress(StoreUnavailable):
            _replicate(replicas)


def _with_copies(replicas: Sequence[Objects]) -> Iterator[tuple[Objects, AbstractContextManager[None]]]:
    """Give each replica its context. A copy that cannot be reached is given the record by a later run."""
    for at, replica in enumerate(replicas):
        yield replica, suppress(StoreUnavailable) if at else nullcontext()


def _replicate(replicas: Sequence[Objects]) -> None:
    held = [{found.key for found in replica.files(f"{replica.home}/{FOLDER}")} for replica in replicas]
    for replica, own in zip(replicas, held, strict=True):
        for key in sorted(set[str]().union(*held) - own):
            owner = replicas[next(at for at, keys in enumerate(held) if key in keys)]
            content = owner.read(key)
            if content is not None:
                replica.put(key, content)


def _not_recorded(warehouse: duckdb.DuckDBPyConnection, product: Product) -> list[FirstListing]:
    found = warehouse.execute(NOT_RECORDED.format(arrivals=product.warehouse.arrivals)).fetchall()
    return [(key, sha256, listed.astimezone(UTC), modified.astimezone(UTC)) for key, sha256, listed, modified in found]


def _record(warehouse: duckdb.DuckDBPyConnection, rows: Iterable[FirstListing]) -> None:
    """Record rows. Of several for one file and content the first one counts."""
    first: dict[tuple[str, str], FirstListing] = {}
    for row in rows:
        first.setdefault(row[:2], row)
    if first:
        warehouse.execute(RECORD, [list(column) for column in zip(*first.values(), strict=True)])


def _parsed(content: bytes | None) -> list[FirstListing]:
    """Return the rows of a file of the record. Raises one of `UNPARSED` if it is damaged."""
    rows: list[Any] = json.loads(content or b"[]")
    return [(str(key), str(sha256), _moment(listed), _moment(modified)) for key, sha256, listed, modified in rows]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
