"""The same on MariaDB, which stands for Aurora MySQL."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.market.test_deliveries import ALL, KINDS, PASSWORD, assert_complete, bits
from tests.support.aurora_fixtures import Delivered, with_aurora

from tribolake.market.aurora import schema, tables
from tribolake.market.aurora.connection import url_of
from tribolake.market.deliver import deliver_pending
from tribolake.market.product import MARKET
from tribolake.settings import load_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def lake(computed_lake: Path, mariadb: str, tmp_path: Path) -> Delivered:
    shutil.copytree(computed_lake, tmp_path / "lake")
    lake = Delivered(with_aurora(MARKET.of(load_settings(lake=tmp_path / "lake")), mariadb))
    lake.in_aurora("drop database if exists tribolake_market")
    return lake


def test_deliveries_are_the_bits_of_gold_once(lake: Delivered):
    """A row whose values are the same keeps its run and its time."""
    for _ in range(3):
        lake.in_aurora("drop database if exists tribolake_market")
        with ThreadPoolExecutor(4) as threads:  # upgrades at once
            before = [one.result() for one in [threads.submit(schema.upgrade, lake.settings) for _ in range(4)]]
        assert sorted(before, key=str) == [*[("1", "1")] * 3, (None, "1")]
    assert not deliver_pending(MARKET, lake.settings).needs_a_look
    assert_complete(lake)
    with sa.create_engine(url_of(lake.settings), poolclass=sa.NullPool).connect() as connection:
        options = {"include_schemas": True, "version_table_schema": tables.SCHEMA}
        options["include_name"] = lambda name, kind, _: kind != "schema" or name == tables.SCHEMA
        assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.METADATA) == []

    lake.in_aurora("delete from tribolake_market.delivered_months")
    with duckdb.connect(lake.settings.warehouse) as warehouse:
        warehouse.execute(
            "delete from control.confirmed_deliveries where sink = 'aurora';"
            "update gold.indicators set rsi_14 = 50 where ticker = 'NVDA' and session_date = '2024-01-10';"
            "delete from gold.features where ticker = 'NVDA' and session_date = '2024-01-11';"
            "update control.runs set run_id = 'later'; update control.run_request set run_id = 'later'"
        )
    assert deliver_pending(MARKET, lake.settings).report["aurora"]["delivered"] == ALL
    for kind in KINDS:
        assert bits(lake.rows(kind)) == bits(lake.gold(kind))
    by_run = "select run_id, count(*) from tribolake_market.{} group by run_id order by run_id = 'later'"
    assert [count for _, count in lake.in_aurora(by_run.format("indicators"))][1:] == [2]
    assert len(lake.in_aurora(by_run.format("features"))) == 1


def test_lock_of_upgrades_is_held_until_the_commit(lake: Delivered):
    """Else the next upgrade does not see the version, and makes the tables again."""
    holders = []

    def look(_: sa.Connection) -> None:
        with sa.create_engine(url_of(lake.settings), poolclass=sa.NullPool).connect() as connection:
            holders.append(connection.scalar(sa.text("select is_used_lock('tribolake_market')")))

    sa.event.listen(sa.Engine, "commit", look)
    try:
        schema.upgrade(lake.settings)
    finally:
        sa.event.remove(sa.Engine, "commit", look)
    assert holders and None not in holders
    assert lake.in_aurora("select is_used_lock('tribolake_market')") == [(None,)]


def test_held_table_is_given_up_and_the_lake_is_served(lake: Delivered):
    schema.upgrade(lake.settings)
    engine = sa.create_engine(url_of(lake.settings), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("lock tables tribolake_market.features write")
        served = deliver_pending(MARKET, lake.settings.changed(market_sink_seconds=1)).report
    assert served["aurora"]["problem"] and PASSWORD not in served["aurora"]["problem"]
    assert served["aurora"]["waiting"] == ALL and served["lake"]["delivered"] == ALL
    assert not deliver_pending(MARKET, lake.settings).needs_a_look
    assert_complete(lake)
