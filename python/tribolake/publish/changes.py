"""Compare a publication with the one before it: exact counts, changes of status and a sample of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tribolake.product import Entity
from tribolake.publish.comparison import Comparison, compare
from tribolake.sql import literal, quoted

SAMPLE_SIZE = 10
KINDS = ("removed", "changed", "added")

# Lists of keys and of changed columns are cut, so that a line stays small. Counts are exact.
DIFFERENCE = """
    with {sources},

    compared as materialized (
        select
            {keys},
            case when {is_new} then 'added' when {is_gone} then 'removed' else 'changed' end as change,
            {status_before} as status_before,
            {status_after} as status_after,
            {moved} as moved
        from {differing}
    ),

    -- All rows of a first publication are added: only the first of them are sorted.
    picked as (
        select
            *,
            row_number() over (order by {rank}) as place
        from (from compared order by {rank} limit {size})
    ),

    sample as (
        select
            picked.*,
            list_filter(
                case when picked.change = 'changed' then [{changed_columns}] else [] end,
                lambda column_name: column_name is not null
            ) as changed_columns
        from picked
        left join old_rows on {picked_old}
        left join new_rows on {picked_new}
    ),

    transitions as (
        select concat(status_before, '→', status_after) as transition, count(*) as reports
        from compared
        where change = 'changed' and status_before is distinct from status_after
        group by all
    )

    select
        (select count(*) from old_rows) as old_count,
        (select count(*) from new_rows) as new_count,
        count(*) filter (where change = 'added') as added,
        count(*) filter (where change = 'changed') as changed,
        count(*) filter (where change = 'removed') as removed,
        count(*) filter (where change = 'changed' and moved) as moved,
        (select list({{'transition': transition, 'reports': reports}} order by transition) from transitions),
        (select list({{
            'key': [{key_texts}], 'change': change, 'before': status_before, 'after': status_after,
            'columns': changed_columns
        }} order by place) from sample),
        {first_keys}
    from compared
"""
COMPARED = "old_rows full join new_rows on {same_key} where {is_new} or {is_gone} or {differs}"
FOUND = "read_parquet({delta}) as found left join old_rows on {found_old} left join new_rows on {found_new}"
RANK = "coalesce(status_before <> status_after, false) desc, list_position({kinds}, change), {key_names}"
FIRST_KEYS = """
    (select list([{key_texts}] order by {key_names}) from (
        select * from compared where change = {kind} order by {key_names} limit {size}
    ))
"""


def changes_of(
    connection: duckdb.DuckDBPyConnection,
    entity: Entity,
    before: Path | None,
    after: Path,
    delta: Path | None = None,
) -> dict[str, Any]:
    """Compare two files of an entity.

    Args:
        connection: any DuckDB connection.
        entity: the table, its status column and its threshold columns.
        before: the published file. None if nothing was published.
        after: the file that replaces it.
        delta: the file with the rows that differ, if there is one; otherwise they are looked for.

    Returns:
        `entity`. `old_count`, `new_count`, `added`, `changed`, `removed`: exact numbers of rows. `transitions`, such as
        `{"Normal→Alerta": 3}`, or `{"moved": 4}` for limits. `keys`: the first ten of each kind. `sample`: at most ten
        records, changes of status first. `columns_added`.
    """
    comparison = compare(connection, entity.table, before, after)
    row = connection.execute(_difference(entity, comparison, delta)).fetchone()
    if row is None:
        raise AssertionError("a count returns one row")
    old_count, new_count, added, changed, removed, moved, transitions, sample, *first_keys = row
    return {
        "entity": entity.name,
        "old_count": old_count,
        "new_count": new_count,
        "added": added,
        "changed": changed,
        "removed": removed,
        "transitions": (
            {"moved": moved}
            if entity.thresholds
            else {found["transition"]: found["reports"] for found in transitions or []}
        ),
        "keys": {kind: keys or [] for kind, keys in zip(KINDS, first_keys, strict=True)},
        "sample": [_record(entity, found) for found in sample or []],
        "columns_added": list(comparison.columns_added),
    }


def _record(entity: Entity, found: dict[str, Any]) -> dict[str, Any]:
    """Describe a sampled record with the fields that apply to it."""
    record: dict[str, Any] = {"key": dict(zip(entity.table.key, found["key"], strict=True)), "change": found["change"]}
    if entity.status:
        record |= {"before": found["before"], "after": found["after"]}
    if found["change"] == "changed":
        record |= {"columns": found["columns"][:SAMPLE_SIZE], "columns_changed": len(found["columns"])}
    return record


def _difference(entity: Entity, comparison: Comparison, delta: Path | None) -> str:
    keys = [quoted(key) for key in comparison.key]
    key_names = ", ".join(keys)
    key_texts = ", ".join(f"cast({key} as varchar)" for key in keys)
    status = quoted(entity.status) if entity.status in comparison.common else None
    thresholds = tuple(column for column in entity.thresholds if column in comparison.common)
    differing = COMPARED if delta is None else FOUND
    return DIFFERENCE.format(
        sources=comparison.sources,
        keys=", ".join(f"coalesce(new_rows.{key}, old_rows.{key}) as {key}" for key in keys),
        is_new=comparison.is_new,
        is_gone=comparison.is_gone,
        status_before=f"old_rows.{status}" if status else "cast(null as varchar)",
        status_after=f"new_rows.{status}" if status else "cast(null as varchar)",
        moved=comparison.any_differs(thresholds),
        differing=differing.format(
            same_key=comparison.same_key,
            is_new=comparison.is_new,
            is_gone=comparison.is_gone,
            differs=comparison.differs,
            delta=literal(delta),
            found_old=comparison.matches("found", "old_rows"),
            found_new=comparison.matches("found", "new_rows"),
        ),
        rank=RANK.format(kinds=list(KINDS), key_names=key_names),
        key_names=key_names,
        size=SAMPLE_SIZE,
        changed_columns=", ".join(
            f"case when old_rows.{quoted(column)} is distinct from new_rows.{quoted(column)} then {literal(column)} end"
            for column in comparison.common
        ),
        picked_old=comparison.matches("picked", "old_rows"),
        picked_new=comparison.matches("picked", "new_rows"),
        key_texts=key_texts,
        first_keys=",\n".join(
            FIRST_KEYS.format(key_texts=key_texts, key_names=key_names, kind=literal(kind), size=SAMPLE_SIZE)
            for kind in KINDS
        ),
    )
