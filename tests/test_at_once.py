"""Queries side by side: results in order, and a task that does not fit beside another one is carried out alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Event

import duckdb
import pytest

from tribolake.at_once import at_once

ROWS = "create table {} as from range(3_000_000)"  # 24 MB


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    config = {"memory_limit": "40MB", "temp_directory": "", "threads": "2"}
    with duckdb.connect(config=config) as connection:
        yield connection


def threads_of(connection: duckdb.DuckDBPyConnection) -> int:
    (threads,) = connection.execute("select current_setting('threads')").fetchone() or (0,)
    return int(threads)


def test_results_are_in_order_and_queries_have_a_core_each(database: duckdb.DuckDBPyConnection):
    def ask(number: int) -> tuple[int, int]:
        with database.cursor() as cursor:
            return number, threads_of(cursor)

    assert at_once(database, [partial(ask, number) for number in range(9)]) == [(number, 1) for number in range(9)]
    assert threads_of(database) == 2


def test_task_that_does_not_fit_beside_another_one_is_carried_out_alone(database: duckdb.DuckDBPyConnection):
    is_full, has_tried = Event(), Event()

    def fill() -> str:
        with database.cursor() as cursor:
            cursor.execute(ROWS.format("large"))
            is_full.set()
            has_tried.wait(30)
            cursor.execute("drop table large")
        return "filled"

    def try_it() -> int:
        is_full.wait(30)
        try:
            with database.cursor() as cursor:
                cursor.execute(ROWS.format("also_large"))
                return threads_of(cursor)
        finally:
            has_tried.set()

    assert at_once(database, [fill, try_it]) == ["filled", 2]


def test_other_errors_are_raised_after_all_tasks(database: duckdb.DuckDBPyConnection):
    done = []
    with pytest.raises(duckdb.ParserException):
        at_once(database, [lambda: database.cursor().execute("nonsense"), lambda: done.append(1)])
    assert done == [1] and threads_of(database) == 2
