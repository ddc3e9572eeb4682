"""Run queries of one database side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import duckdb

QUERIES = 2
T = TypeVar("T")


def at_once(connection: duckdb.DuckDBPyConnection, tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Carry out tasks whose queries have cursors of their own, a few at a time, each on one core.

    Queries that share all cores take half as much processor time again: they wait for each other. A task that does not
    fit into memory beside another one is carried out again alone.

    Args:
        connection: of which the cursors are. Nothing else may use its database meanwhile.
        tasks: in the order in which they begin.

    Returns:
        Their results, in the same order.
    """
    with _a_core_each(connection), ThreadPoolExecutor(QUERIES) as threads:
        begun = [threads.submit(task) for task in tasks]
    return [
        task() if isinstance(one.exception(), duckdb.OutOfMemoryException) else one.result()
        for task, one in zip(tasks, begun, strict=True)
    ]


@contextmanager
def _a_core_each(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    row = connection.execute("select current_setting('threads')").fetchone()
    connection.execute("set threads = 1")
    try:
        yield
    finally:
        connection.execute(f"set threads = {row[0] if row else QUERIES}")
