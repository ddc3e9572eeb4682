"""The tables in Aurora: made by migrations, written by the plan's calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.aurora_fixtures import Delivered, with_aurora
from tests.support.servers.postgres import PostgresServer

from tribolake.errors import ConfigurationError
from tribolake.market import computing, features, indicators
from tribolake.market.aurora import columns, schema, tables
from tribolake.market.aurora.connection import url_of
from tribolake.market.aurora.store import AuroraStore
from tribolake.settings import PROJECT_DIR, Settings, load_settings

AT = datetime(2025, 1, 15, 12, 30, tzinfo=UTC)


@pytest.fixture
def empty(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a database that has no tables."""
    return with_aurora(load_settings(lake=tmp_path_factory.mktemp("lake")), postgres.empty_database())


@pytest.fixture(scope="module")
def made(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a database that has the tables."""
    settings = with_aurora(load_settings(lake=tmp_path_factory.mktemp("lake")), postgres.new_database())
    schema.upgrade(settings)
    return settings


def test_tables_are_those_of_the_migrations_and_of_gold(empty: Settings):
    schema.upgrade(empty)
    with sa.create_engine(url_of(empty), poolclass=sa.NullPool).connect() as connection:
        options = {"include_schemas": True, "version_table_schema": tables.SCHEMA, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.METADATA) == []
    revisions = [one.revision for one in ScriptDirectory(schema.MIGRATIONS).walk_revisions()]
    assert tuple(reversed(revisions)) == schema.REVISIONS
    assert (columns.INDICATORS, columns.FEATURES) == (indicators.INDICATORS, features.FEATURES)
    assert ("value", *computing.MOMENTS, "sessions") == columns.MOMENTS
    seed = (PROJECT_DIR / "seeds" / "market" / "thresholds.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert tuple(line.partition(",")[0] for line in seed) == columns.WITH_PERCENTILES


def test_upgrades_at_once_all_end_well(empty: Settings):
    with ThreadPoolExecutor(4) as threads:
        before = [one.result() for one in [threads.submit(schema.upgrade, empty) for _ in range(4)]]
    assert sorted(before, key=str) == [*[("1", "1")] * 3, (None, "1")]


def test_printed_statements_make_the_same_schema(empty: Settings):
    statements = schema.upgrade_sql(empty)
    with sa.create_engine(url_of(empty), poolclass=sa.NullPool).connect() as connection:
        connection.exec_driver_sql(statements.replace("BEGIN;", "").replace("COMMIT;", ""))
        connection.commit()
    AuroraStore(empty).require_schema()
    assert schema.upgrade(empty) == ("1", "1")


@pytest.mark.parametrize(
    ("given", "error", "word"),
    [
        ({"session_date": date(2025, 1, 1), "rsi_15": 1.0}, ValueError, "rsi_15"),
        ({"session_date": date(2025, 1, 1), "rsi_14": np.inf}, TypeError, "rsi_14"),
        ({"session_date": date(2025, 1, 1), "rsi_14": "high"}, TypeError, "rsi_14"),
        ({"rsi_14": 1.0}, ValueError, "session_date"),
    ],
)
def test_bad_values_are_named(empty: Settings, given: dict[str, object], error: type[Exception], word: str):
    with pytest.raises(error, match=word):
        AuroraStore(empty).store_indicators("NVDA", given)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=100))
@hypothesis_settings(max_examples=10)
def test_doubles_come_back_to_the_last_bit(made: Settings, values: list[float]):
    days = [date(1990, 1, 1) + timedelta(days=n) for n in range(len(values))]
    lake = Delivered(made)
    lake.in_aurora("delete from tribolake_market.indicators")
    rows = [{"session_date": day, "macd": value} for day, value in zip(days, values, strict=True)]
    AuroraStore(made).store_indicators("X", rows)
    found = [row[0] for row in lake.in_aurora("select macd from tribolake_market.indicators order by session_date")]
    assert list(map(float.hex, found)) == list(map(float.hex, values))


def test_parts_of_an_address_are_those_of_mysql(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigurationError, match="Aurora is off"):
        url_of(load_settings())
    for name, value in {"HOST": "db", "PORT": "3307", "DATABASE": "app", "USER": "u@x", "PASSWORD": "p/w"}.items():
        monkeypatch.setenv(f"AURORA_{name}", value)
    url = url_of(load_settings())
    assert url.render_as_string(hide_password=False) == "mysql+pymysql://u%40x:p%2Fw@db:3307/app"
    monkeypatch.setenv("TRIBOLAKE_AURORA_URL", "postgresql://u:hunter2@h:port/d")
    with pytest.raises(ConfigurationError, match="TRIBOLAKE_AURORA_URL") as raised:
        url_of(load_settings())
    assert "hunter2" not in str(raised.value) and "hunter2" not in repr(load_settings())
