"""Test that a percentile that somebody chooses is that of the group's values, at the level its limit comes from."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.choice import LimitGroup
from tribolake.oil.limits.other_limits import set_percentile

GROUP = LimitGroup("CDA", "model", "camion", "789c", "motor", "Hierro", "ppm")
TABLES = """
    create schema policy;
    create schema limits;
    create table policy.active_policy as select true as zeros_count;
    create table limits.int_observations (
        client varchar, machine varchar, machine_model varchar, component varchar, essay varchar, unit varchar,
        value double
    );
    create table limits.int_borrowed_percentiles as
    select
        'model' as grain, 'CDA' as client, 'camion' as machine, '789c' as machine_model, 'motor' as component,
        'Hierro' as essay, 'ppm' as unit, 0::double as p90, 'model' as p90_level, 0::double as p95,
        'machine' as p95_level, 0::double as p98, cast(null as varchar) as p98_level
"""
VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)
OTHERS = (  # of another client, machine, component, essay and unit
    ("EMIN", "camion", "789c", "motor", "Hierro", "ppm"),
    ("CDA", "pala", "789c", "motor", "Hierro", "ppm"),
    ("CDA", "camion", "789c", "diferencial", "Hierro", "ppm"),
    ("CDA", "camion", "789c", "motor", "Cobre", "ppm"),
    ("CDA", "camion", "789c", "motor", "Hierro", "%"),
)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(TABLES)
        yield opened


def observe(connection: duckdb.DuckDBPyConnection, of_model: list[float], of_machine: list[float]) -> None:
    rows = [("CDA", "camion", "789c", "motor", "Hierro", "ppm", value) for value in of_model]
    rows += [("CDA", "camion", "793d", "motor", "Hierro", "ppm", value) for value in of_machine]
    rows += [(*other, 1e7) for other in OTHERS]
    connection.execute("delete from limits.int_observations")
    connection.executemany("insert into limits.int_observations values (?, ?, ?, ?, ?, ?, ?)", rows)


@settings(max_examples=60)
@given(of_model=VALUES, of_machine=VALUES, percentile=st.floats(0, 100))
def test_percentile_is_that_of_the_values_of_its_level(
    of_model: list[float], of_machine: list[float], percentile: float
):
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        observe(connection, of_model, of_machine)
        for column in ("p90", "p95"):
            set_percentile(connection, GROUP, column, percentile)
        found = connection.execute("select p90, p95, p98 from limits.int_borrowed_percentiles").fetchone()
    expected = [np.percentile(values, percentile) for values in (of_model, [*of_model, *of_machine])]
    assert found == (pytest.approx(expected[0]), pytest.approx(expected[1]), 0)


def test_limit_that_the_group_has_not_is_refused(connection: duckdb.DuckDBPyConnection):
    observe(connection, [1.0, 2.0], [])
    with pytest.raises(ConfigurationError, match="too few samples"):
        set_percentile(connection, GROUP, "p98", 98)
