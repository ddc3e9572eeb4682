"""Poolers and firewalls end connections that are idle, and a delivery reads gold between its transactions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from tests.support.aurora_fixtures import KINDS, SYMBOLS, Delivered
from tests.support.servers.postgres import PostgresServer

from tribolake.market.aurora.sink import AuroraSink
from tribolake.market.deliver import deliver_pending
from tribolake.market.product import MARKET

ALL = len(SYMBOLS) * len(KINDS)
IDLE_SECONDS = 0.1


@pytest.fixture
def impatient(postgres: PostgresServer) -> Iterator[None]:
    """A server that ends sessions which are idle for a tenth of a second."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute(f"alter system set idle_session_timeout = {int(IDLE_SECONDS * 1000)}")
        connection.execute("select pg_reload_conf()")
    yield
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute("alter system reset idle_session_timeout")
        connection.execute("select pg_reload_conf()")


@pytest.mark.usefixtures("impatient")
def test_connection_dropped_while_idle_is_opened_again(lake_and_aurora: Delivered, monkeypatch: pytest.MonkeyPatch):
    gather = AuroraSink.gather

    def slowly(*arguments: Any) -> Any:
        time.sleep(3 * IDLE_SECONDS)
        return gather(*arguments)

    monkeypatch.setattr(AuroraSink, "gather", slowly)
    served = deliver_pending(MARKET, lake_and_aurora.settings).report
    assert served["aurora"] == {"delivered": ALL, "waiting": 0, "problem": None}
    for kind in KINDS:
        assert lake_and_aurora.rows(kind) == lake_and_aurora.gold(kind)
