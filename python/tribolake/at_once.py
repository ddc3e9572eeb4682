"""Run queries of one warehouse side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import duckdb

QUERIES = 2


@contextmanager
def queries_at_once(connection: duckdb.DuckDBPyConnection) -> Iterator[ThreadPoolExecutor]:
    """Return threads for queries, each of which has a cursor of its own and one core.

    Queries that share all cores take half as much processor time again: they wait for each other.

    Args:
        connection: of which the cursors are. Nothing else may use its database until then.
    """
    row = connection.execute("select current_setting('threads')").fetchone()
    connection.execute("set threads = 1")
    try:
        with ThreadPoolExecutor(QUERIES) as threads:
            yield threads
    finally:
        connection.execute(f"set threads = {row[0] if row else QUERIES}")
