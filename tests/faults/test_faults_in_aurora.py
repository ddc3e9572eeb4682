"""Faults of the database while a delivery writes: the lake gets all, Aurora nothing by halves, and the rest later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.aurora_fixtures import KINDS, SYMBOLS, Delivered, with_aurora
from tests.support.servers.postgres import PostgresServer, SilentProxy, socket_of
from tribolake.market.deliver import deliver_pending
from tribolake.market.product import MARKET

pytestmark = pytest.mark.slow
ALL = len(SYMBOLS) * len(KINDS)
# Before a row of percentiles is written, or at the commit.
TRIGGER = """
    create or replace function tribolake_market.fail() returns trigger language plpgsql as $$
    begin {does}; return new; end $$;
    create {kind} trigger fails {when} insert on tribolake_market.percentiles {deferred} for each row
    execute function tribolake_market.fail()
"""
RAISE = "raise exception '{}' using errcode = '{}'"
KILL = "perform pg_terminate_backend(pg_backend_pid())"
CLOSED = "terminating connection|server closed the connection"
# What the database does, when, and what is said of it.
FAULTS = {
    "deadlock": (RAISE.format("deadlock detected", "40P01"), "write", "deadlock detected"),
    "disk full": (
        RAISE.format("No space left on device", "53100"),
        "write",
        "left .*give it more room",
    ),
    "connection killed": (KILL, "write", CLOSED),
    "commit refused": (RAISE.format("could not serialize access", "40001"), "commit", "could not serialize"),
    "connection killed at the commit": (KILL, "commit", CLOSED),
}


@contextmanager
def fault(lake: Delivered, does: str, when: str) -> Iterator[None]:
    words = {"kind": "constraint", "when": "after", "deferred": "initially deferred"}
    if when == "write":
        words = {"kind": "", "when": "before", "deferred": ""}
    lake.in_aurora(TRIGGER.format(does=does, **words))
    yield
    lake.in_aurora("drop trigger fails on tribolake_market.percentiles")


@contextmanager
def read_only(lake: Delivered) -> Iterator[None]:
    lake.in_aurora("alter role postgres set default_transaction_read_only = on")
    yield
    lake.in_aurora("set transaction read write; alter role postgres reset default_transaction_read_only")


def check(lake: Delivered, words: str, lost: int) -> None:
    served = deliver_pending(MARKET, lake.settings).report
    assert served["lake"] == {"delivered": ALL, "waiting": 0, "problem": None}
    assert re.search(words, served["aurora"]["problem"]), served
    assert served["aurora"]["waiting"] == lost


def check_complete(lake: Delivered, waiting: int) -> None:
    assert deliver_pending(MARKET, lake.settings).report["aurora"] == {
        "delivered": waiting, "waiting": 0, "problem": None,
    }  # fmt: skip
    for kind in KINDS:
        assert lake.rows(kind) == lake.gold(kind) != []


@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_a_table_costs_the_deliveries_to_it(lake_and_aurora: Delivered, name: str):
    does, when, words = FAULTS[name]
    with fault(lake_and_aurora, does, when):
        check(lake_and_aurora, words, len(SYMBOLS))
        assert lake_and_aurora.rows("percentiles") == []
        for kind in ("indicators", "features"):
            assert lake_and_aurora.rows(kind) == lake_and_aurora.gold(kind)
    check_complete(lake_and_aurora, len(SYMBOLS))


def test_user_without_rights_is_told_what_to_give(lake_and_aurora: Delivered):
    lake_and_aurora.in_aurora("drop role if exists loader; create role loader login")
    address = lake_and_aurora.settings.aurora.url.get_secret_value().replace("//postgres:", "//loader:")
    served = deliver_pending(MARKET, with_aurora(lake_and_aurora.settings, address)).report
    assert (
        "permission denied" in served["aurora"]["problem"] and "give this user the right" in served["aurora"]["problem"]
    )
    check_complete(lake_and_aurora, ALL)


def test_database_that_can_only_be_read_gets_all_later(lake_and_aurora: Delivered):
    with read_only(lake_and_aurora):
        check(lake_and_aurora, "read-only transaction: .*must name the writer", ALL)
    check_complete(lake_and_aurora, ALL)


def test_commit_whose_answer_is_lost_is_made_once(lake_and_aurora: Delivered, postgres: PostgresServer):
    """The rows are there, and nobody heard of it: the same delivery again changes none of them."""
    address = lake_and_aurora.settings.aurora.url.get_secret_value()
    proxy = SilentProxy(socket_of(postgres.folder), b"C\0\0\0\x0bCOMMIT\0")
    through = with_aurora(lake_and_aurora.settings, postgres.through(proxy, address), market_sink_seconds=1)
    served = deliver_pending(MARKET, through).report
    proxy.close()
    assert served["aurora"]["waiting"] == ALL
    check_complete(lake_and_aurora, ALL)
