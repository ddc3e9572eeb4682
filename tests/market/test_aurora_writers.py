"""Writers of the same rows of Aurora at once: none fails because of another one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.aurora_fixtures import with_aurora
from tests.support.servers.postgres import PostgresServer

from tribolake.market.aurora import connection, schema
from tribolake.market.aurora.connection import url_of
from tribolake.market.aurora.store import AuroraStore
from tribolake.market.aurora.tables import TABLES
from tribolake.settings import Settings, load_settings

DAYS = [date(2024, 1, 1) + timedelta(days=number) for number in range(300)]


@pytest.fixture(scope="module")
def made(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a database that has the tables."""
    settings = with_aurora(load_settings(lake=tmp_path_factory.mktemp("lake")), postgres.new_database())
    schema.upgrade(settings)
    return settings


def rows(value: float) -> list[dict[str, Any]]:
    return [{"session_date": day, "rsi_14": value} for day in DAYS]


def test_writers_in_opposite_orders_do_not_wait_for_each_other(made: Settings, monkeypatch: pytest.MonkeyPatch):
    """In the order in which they were given, about every second pair ends in a deadlock."""
    monkeypatch.setattr(connection, "PAUSES", ())  # no second try
    start = threading.Barrier(2)

    def write(number: int) -> None:
        store = AuroraStore(made)
        for turn in range(6):
            start.wait(20)
            store.store_indicators("NVDA", rows(10 * turn + number)[:: 1 if number else -1])
        store.close()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(write, number) for number in range(2)]:
            done.result(60)


def test_victim_of_a_deadlock_writes_again(made: Settings):
    """Another program locks the rows in another order, and the database ends the transaction of the store."""
    store, table = AuroraStore(made), TABLES["indicators"]
    store.store_indicators("AMD", rows(1.0))
    engine = sa.create_engine(url_of(made), poolclass=sa.NullPool)
    with ThreadPoolExecutor(1) as threads, engine.begin() as other:
        other.exec_driver_sql("set local deadlock_timeout = '30s'")  # so the store is the one that finds the deadlock
        lock(other, table, DAYS[-1])
        writing = threads.submit(store.store_indicators, "AMD", rows(2.0))
        wait_for_a_waiting_one(engine)
        lock(other, table, DAYS[0])
        other.commit()
        assert writing.result(30) == len(DAYS)
    with engine.connect() as reader:
        written = sa.select(sa.func.count()).where(table.c.ticker == "AMD", table.c.rsi_14 == 2.0)
        assert reader.scalar(written) == len(DAYS)
    store.close()


def lock(other: sa.Connection, table: sa.Table, day: date) -> None:
    other.execute(
        sa.select(table.c.ticker).where(table.c.ticker == "AMD", table.c.session_date == day).with_for_update()
    )


def wait_for_a_waiting_one(engine: sa.Engine) -> None:
    for _ in range(200):
        with engine.connect() as reader:
            if reader.scalar(sa.text("select count(*) from pg_locks where not granted")):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")
