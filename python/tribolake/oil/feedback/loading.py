"""Load entries of feedback into the warehouse. Entries never change, so each is read once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import duckdb

from tribolake.errors import TribolakeError
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.shelf import StoredEntry, list_keys, read_objects
from tribolake.run.warehouse import table_exists
from tribolake.settings import Settings
from tribolake.texts import one_line


def read_new(objects: Objects, loaded: Collection[str]) -> list[dict[str, object]]:
    """Read the entries that are not loaded yet, and what is not an entry.

    Args:
        objects: of the lake.
        loaded: values of `feedback_key` that are not read again.

    Returns:
        One row per object, its columns those of the model `bronze_feedback`. Empty if the lake does not answer: an
        alarm must not wait for what was said of another one. The next run reads them.
    """
    try:
        keys = [key for key in list_keys(objects) if one_line(key) not in loaded]
        found = read_objects(objects, keys)
    except (TribolakeError, OSError):
        return []
    read_at = datetime.now(UTC)
    return [
        {
            "feedback_key": one_line(one.key),
            "content": one.content if isinstance(one, StoredEntry) else None,
            "problem": None if isinstance(one, StoredEntry) else one.problem,
            "read_at": read_at,
        }
        for one in found
    ]


def has_new_feedback(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Check for feedback in the lake that is not in the warehouse."""
    try:
        keys = {one_line(key) for key in list_keys(open_objects(settings))}
    except (TribolakeError, OSError):  # see `read_new`
        return False
    if not keys or not table_exists(warehouse, "bronze", "bronze_feedback"):
        return bool(keys)
    loaded = {key for (key,) in warehouse.execute("select feedback_key from bronze.bronze_feedback").fetchall()}
    return not keys <= loaded
