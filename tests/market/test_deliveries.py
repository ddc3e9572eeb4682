"""The lake and Aurora get the same values, and neither waits for the other. Of the plan: "Data lake storage failure
doesn't break Aurora storage"."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from tests.market.killed_delivery import kill_delivery
from tests.support.aurora_fixtures import KINDS, SYMBOLS, Delivered, lake_down, with_aurora
from tests.support.drawn import drawn
from tests.support.servers.postgres import PASSWORD, PostgresServer, SilentProxy, socket_of
from tests.support.servers.processes import eventually

from tribolake.market.aurora import schema
from tribolake.market.aurora.store import AuroraStore
from tribolake.market.deliver import deliver_pending, serve
from tribolake.market.market_lake import MarketLake
from tribolake.market.outbox import Receipt, confirm, pending, prepare
from tribolake.market.product import MARKET
from tribolake.market.sinks import LakeSink
from tribolake.market.status import market_status
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

ALL = len(SYMBOLS) * len(KINDS)
CLOSED_PORT = f"postgresql://postgres:{PASSWORD}@127.0.0.1:1/aurora"
AT = datetime(2025, 1, 15, 12, 30, tzinfo=UTC)
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


def deliver(lake: Delivered, **settings: Any) -> dict[str, dict[str, Any]]:
    return deliver_pending(MARKET, lake.settings.changed(**settings)).report


def bits(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows with the bytes of their numbers: -0.0 is not 0.0."""
    return [tuple(struct.pack(">d", one) if isinstance(one, int | float) else one for one in row) for row in rows]


def assert_complete(lake: Delivered) -> None:
    """Both sinks have all of gold, once."""
    for kind in KINDS:
        assert bits(lake.rows(kind)) == bits(lake.gold(kind)) != []
    assert len(lake.objects()) == ALL and lake.pending() == {}


def versions(lake: Delivered, kind: str) -> dict[tuple[Any, ...], str]:
    """Return which transaction wrote each row: an update is a new one, even to the same values."""
    query = f"select ticker, session_date, computation_version, xmin::text from tribolake_market.{kind}"
    return {row[:3]: row[3] for row in lake.in_aurora(query)}


def delivered_months(lake: Delivered) -> set[tuple[Any, ...]]:
    """Return which transaction wrote each mark."""
    query = "select kind, ticker, month, xmin::text from tribolake_market.delivered_months"
    return {(row[:3], row[3]) for row in lake.in_aurora(query)}


def test_aurora_has_the_bits_of_gold_and_of_the_lake(lake_and_aurora: Delivered):
    served = deliver(lake_and_aurora)
    assert served == {name: {"delivered": ALL, "waiting": 0, "problem": None} for name in ("lake", "aurora")}
    assert_complete(lake_and_aurora)
    stored = MarketLake(lake_and_aurora.settings).get_latest_percentiles("^GSPC") or {}
    ((session, percentile, key, run_id),) = lake_and_aurora.in_aurora(
        "select session_date::text, rsi_14_percentile, source_raw_data_key, run_id from tribolake_market.percentiles"
        " where ticker = '_5EGSPC' and computation_version = '1.0' order by session_date desc limit 1"
    )
    assert (session, percentile) == (stored["session_date"], stored["values"]["rsi_14"]["percentile"])
    assert (key, run_id) == (stored["sources"][-1]["key"], stored["run_id"])

    # What Aurora has already is not written again, even if it does not know that it was delivered.
    before = {kind: versions(lake_and_aurora, kind) for kind in KINDS}
    lake_and_aurora.in_aurora("delete from tribolake_market.delivered_months")
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("delete from control.confirmed_deliveries where sink = 'aurora'")
    assert deliver(lake_and_aurora)["aurora"]["delivered"] == ALL
    assert {kind: versions(lake_and_aurora, kind) for kind in KINDS} == before


def test_corrected_history_changes_its_months_only(lake_and_aurora: Delivered):
    """A row that gold no longer has goes, and so does a row that somebody wrote over it."""
    deliver(lake_and_aurora)
    before, marks = versions(lake_and_aurora, "indicators"), delivered_months(lake_and_aurora)
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute(
            "update gold.indicators set rsi_14 = 50 where ticker = 'NVDA' and session_date = '2024-01-10';"
            "delete from gold.indicators where ticker = 'NVDA' and session_date = '2024-01-11';"
            "delete from gold.indicators where ticker = 'NVDA' and session_date between '2023-05-01' and '2023-05-31';"
            "update control.computed_tickers set state = 'corrected' where ticker = 'NVDA'"
        )
    deliver(lake_and_aurora)
    assert bits(lake_and_aurora.rows("indicators")) == bits(lake_and_aurora.gold("indicators"))
    after = versions(lake_and_aurora, "indicators")
    changed = {str(key[1]) for key in before if after.get(key) != before[key]}
    assert {day for day in changed if not day.startswith("2023-05")} == {"2024-01-10", "2024-01-11"}
    sent = {key for key, _ in marks ^ delivered_months(lake_and_aurora)}
    assert sent == {("indicators", "NVDA", "2023-05"), ("indicators", "NVDA", "2024-01")}
    assert len(lake_and_aurora.objects()) == ALL + len(KINDS)


def test_lake_down_does_not_break_aurora(lake_and_aurora: Delivered):
    with lake_down(lake_and_aurora.settings):
        served = deliver(lake_and_aurora)
    assert served["aurora"] == {"delivered": ALL, "waiting": 0, "problem": None}
    assert served["lake"]["waiting"] == ALL and "processed" in served["lake"]["problem"]
    assert lake_and_aurora.pending() == {"lake": ALL}

    # Another run computes NVDA while the lake is down. Its first computation is not lost.
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute(
            "update control.runs set run_id = 'later'; update control.run_request set run_id = 'later';"
            "update control.computed_tickers set state = 'more' where ticker = 'NVDA'"
        )
    with lake_down(lake_and_aurora.settings):
        deliver(lake_and_aurora)
    assert deliver(lake_and_aurora)["lake"]["delivered"] == ALL + len(KINDS)
    runs = [json.loads(path.read_bytes())["run_id"] for path in lake_and_aurora.objects() if "NVDA" in path.parts]
    assert len(runs) == 2 * len(KINDS) and runs.count("later") == len(KINDS)
    assert deliver(lake_and_aurora)["lake"]["delivered"] == 0


def test_aurora_down_does_not_break_the_lake(lake_and_aurora: Delivered):
    down = with_aurora(lake_and_aurora.settings, CLOSED_PORT)
    result = deliver_pending(MARKET, down)
    assert result.needs_a_look and result.report["lake"] == {"delivered": ALL, "waiting": 0, "problem": None}
    assert "refused" in result.report["aurora"]["problem"] and PASSWORD not in json.dumps(result.report)
    assert lake_and_aurora.pending() == {"aurora": ALL}
    assert not deliver_pending(MARKET, down.changed(aurora_url=None)).needs_a_look
    assert lake_and_aurora.pending() == {}  # an Aurora that is off does not keep runs busy
    assert not deliver_pending(MARKET, lake_and_aurora.settings).needs_a_look
    assert_complete(lake_and_aurora)


def test_silent_server_is_given_up(lake_and_aurora: Delivered, postgres: PostgresServer):
    """It goes silent within a transaction. What it had confirmed is not sent again, and the rest is not there."""
    proxy = SilentProxy(socket_of(postgres.folder), b"INSERT INTO tribolake_market.percentiles")
    threads = set(threading.enumerate())
    address = postgres.through(proxy, lake_and_aurora.settings.aurora.url.get_secret_value())
    served = deliver_pending(MARKET, with_aurora(lake_and_aurora.settings, address, market_sink_seconds=1)).report
    # The call that hung has ended, so that it cannot write later.
    assert eventually(lambda: "sink" not in {one.name for one in set(threading.enumerate()) - threads}, 5)
    proxy.close()
    assert served["lake"]["waiting"] == 0 and "given up" in served["aurora"]["problem"]
    assert 0 < served["aurora"]["waiting"] < ALL and lake_and_aurora.rows("percentiles") == []
    assert deliver(lake_and_aurora)["aurora"]["delivered"] == served["aurora"]["waiting"]
    assert_complete(lake_and_aurora)


def test_silent_store_is_given_up(lake_and_aurora: Delivered, monkeypatch: pytest.MonkeyPatch):
    """A server that takes connections and never answers costs the time of the setting, not that of all attempts."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sink = LakeSink(MARKET.of(load_settings(lake="s3://bucket", s3_endpoint=endpoint)))
        with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
            began = time.monotonic()
            served = serve(warehouse, sink, 1, lambda _: None)
    assert time.monotonic() - began < 6
    assert (served.delivered, served.waiting) == (0, ALL) and "given up" in str(served.problem)


def test_delivery_killed_between_lake_and_aurora_is_made_once(lake_and_aurora: Delivered):
    check_killed(lake_and_aurora, "aurora", "open", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "name", "nth"),
    drawn(
        [
            ("store", "_write", 5),  # within a transaction of Aurora
            ("deliver", "prepare", 1),
            ("lake", "store", 1),  # stored and not confirmed
            ("lake", "store", ALL),
            ("deliver", "confirm", 1),
            ("deliver", "note_problem", 1),
            ("aurora", "store", 3),  # committed and not confirmed
            ("deliver", "confirm", 4),
        ],
        share=0.25,
    ),
)
def test_killed_delivery_is_made_once(lake_and_aurora: Delivered, place: str, name: str, nth: int):
    check_killed(lake_and_aurora, place, name, nth)


def check_killed(lake_and_aurora: Delivered, place: str, name: str, nth: int) -> None:
    """Kill a delivery before the nth call of a function. The next one stores the rest, and nothing twice."""
    kill_delivery(lake_and_aurora.settings, place, name, nth)
    assert not deliver_pending(MARKET, lake_and_aurora.settings).needs_a_look
    assert_complete(lake_and_aurora)


@pytest.mark.slow
def test_next_run_delivers_what_is_pending(lake_and_aurora: Delivered):
    """Also if it has nothing new. Until then each run ends with exit code 4 and tells of it once."""
    down = with_aurora(lake_and_aurora.settings, CLOSED_PORT)
    report = run(MARKET, down)
    assert report.reasons == ["computed values wait to be delivered"] and report.needs_a_look
    assert "deliver" in report.stages and not report.stages.keys() & {"build", "test", "publish"}
    assert report.results["deliveries"].report["lake"]["delivered"] == ALL
    with duckdb.connect(down.warehouse, read_only=True) as warehouse:
        told = dict(warehouse.execute(MARKET.warehouse.troubles).fetchall())
    assert told.keys() == {"sink aurora"} and "refused" in told["sink aurora"]
    (shown,) = market_status(down)["deliveries"]
    assert (shown["sink"], shown["waiting"], shown["problem"] in told["sink aurora"]) == ("aurora", ALL, True)
    report = run(MARKET, lake_and_aurora.settings)
    assert not report.needs_a_look and report.results["deliveries"].report["aurora"]["delivered"] == ALL
    assert_complete(lake_and_aurora)
    assert run(MARKET, lake_and_aurora.settings).nothing_new


def test_percentiles_without_columns_stop_no_other_kind(lake_and_aurora: Delivered):
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("insert into gold.percentiles by name select 'X' as ticker, 'new_one' as indicator")
    served = deliver(lake_and_aurora)["aurora"]
    assert (served["delivered"], served["waiting"]) == (2 * len(SYMBOLS), len(SYMBOLS))
    assert "no columns for percentiles of new_one" in served["problem"]


def test_unpublished_tables_are_not_delivered(lake_and_aurora: Delivered):
    """A run that failed after its build left rows in gold that no data test has passed."""
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("update control.run_request set run_id = 'failed'; update gold.indicators set rsi_14 = 7")
    served = deliver(lake_and_aurora)
    assert served["lake"]["delivered"] == ALL and "no run has published" in served["aurora"]["problem"]
    assert lake_and_aurora.rows("indicators") == []


def test_held_ticker_is_not_delivered(lake_and_aurora: Delivered):
    """Its published values are older than its responses: an object would name the wrong sources."""
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("delete from control.pending_deliveries")
        warehouse.execute("insert into control.held_tickers values ('NVDA', 'newer responses', now())")
        prepare(warehouse, ["lake"], "later")
        assert {delivery.ticker for delivery in pending(warehouse, "lake")} == {"_5EGSPC"}


def test_ticker_without_responses_loses_its_rows_and_keeps_its_objects(lake_and_aurora: Delivered):
    deliver_pending(MARKET, lake_and_aurora.settings)
    stored = MarketLake(lake_and_aurora.settings).versions("NVDA")
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        for table in ("control.computed_tickers", "gold.ticker_status", *(f"gold.{kind}" for kind in KINDS)):
            warehouse.execute(f"delete from {table} where ticker = 'NVDA'")
    served = deliver(lake_and_aurora)
    assert (served["lake"]["delivered"], served["aurora"]["delivered"]) == (0, len(KINDS))
    assert {row[0] for kind in KINDS for row in lake_and_aurora.rows(kind)} == {"_5EGSPC"}
    assert MarketLake(lake_and_aurora.settings).versions("NVDA") == stored
    assert deliver(lake_and_aurora)["aurora"]["delivered"] == 0


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ("update control.computed_tickers set state = 'more' where ticker = '_5EGSPC'",
         {("NVDA", "features"), *(("_5EGSPC", kind) for kind in KINDS)}),
        ("update control.confirmed_deliveries set code = 'earlier' where ticker = 'NVDA'",
         {("NVDA", kind) for kind in KINDS}),
        ("update control.computed_tickers set state = state", set()),
    ],
    ids=["benchmark", "code", "nothing"],
)  # fmt: skip
def test_values_are_due_whose_responses_benchmark_or_code_changed(
    lake_and_aurora: Delivered, change: str, due: set[tuple[str, str]]
):
    deliver_pending(MARKET, lake_and_aurora.settings)
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute(change)
        prepare(warehouse, ["lake"], "later")
        assert {(delivery.ticker, delivery.kind) for delivery in pending(warehouse, "lake")} == due


def test_earlier_delivery_that_is_confirmed_late_is_not_the_last(lake_and_aurora: Delivered):
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("delete from control.pending_deliveries; update control.computed_tickers set state = 'more'")
        prepare(warehouse, ["lake"], "first")
        warehouse.execute(
            "update control.pending_deliveries set computed_at = computed_at - interval 1 day;"
            "update control.computed_tickers set state = 'most'"
        )
        prepare(warehouse, ["lake"], "later")
        for run_id in ("later", "first"):
            confirm(warehouse, {one: Receipt(run_id) for one in pending(warehouse, "lake") if one.run_id == run_id})
        last = warehouse.execute("select distinct run_id, key from control.confirmed_deliveries where sink = 'lake'")
        assert last.fetchall() == [("later", "later")] and pending(warehouse, "lake") == []


@pytest.mark.parametrize("order", [*permutations(("run-0", "run-1", "run-2"))], ids="-".join)
def test_last_computation_is_the_latest_in_any_order_of_storing(lake_and_aurora: Delivered, order: tuple[str, ...]):
    """Given computations of one second, of which some cannot be stored at first."""
    sink = LakeSink(lake_and_aurora.settings)
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("delete from control.pending_deliveries")
        for number, run_id in enumerate(sorted(order)):
            warehouse.execute(f"update control.computed_tickers set state = '{number}'")
            prepare(warehouse, ["lake"], run_id)
        waiting = pending(warehouse, "lake")
        sink.open()
        for run_id in order:
            for one in (one for one in waiting if one.run_id == run_id):
                confirm(warehouse, {one: sink.store(one, *sink.gather(warehouse, [one]))})
        prepare(warehouse, ["lake"], "after")
        assert pending(warehouse, "lake") == []
    lake = MarketLake(lake_and_aurora.settings)
    latest = {lake.get(kind, symbol)["run_id"] for kind in KINDS for symbol in SYMBOLS}  # type: ignore[index]
    assert latest == {"run-2"}


def test_computation_after_a_clock_that_was_ahead_is_the_latest(lake_and_aurora: Delivered):
    ahead = "{table} set computed_at = computed_at + interval 1 year"
    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute(f"update {ahead.format(table='control.pending_deliveries')}")
        for run_id in ("ahead", "later"):
            assert serve(warehouse, LakeSink(lake_and_aurora.settings), 60, lambda _: None).waiting == 0
            warehouse.execute(f"update control.computed_tickers set state = '{run_id}'")
            prepare(warehouse, ["lake"], run_id)
        serve(warehouse, LakeSink(lake_and_aurora.settings), 60, lambda _: None)
        prepare(warehouse, ["lake"], "again")
        assert pending(warehouse, "lake") == []
        known = "select distinct run_id from control.confirmed_deliveries where sink = 'lake'"
        assert warehouse.execute(known).fetchall() == [("later",)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("update tribolake_market.alembic_version set version_num = '99'", "later release"),
        ("update tribolake_market.alembic_version set version_num = '0'", "market aurora upgrade"),
        ("drop schema tribolake_market cascade", "market aurora upgrade"),
    ],
)
def test_other_schema_refuses_this_sink_only(
    lake_and_aurora: Delivered, monkeypatch: pytest.MonkeyPatch, change: str, sentence: str
):
    monkeypatch.setattr(schema, "REVISIONS", ("0", "1"))
    lake_and_aurora.in_aurora(change)
    served = deliver_pending(MARKET, lake_and_aurora.settings).report
    assert sentence in served["aurora"]["problem"] and served["aurora"]["delivered"] == 0
    assert served["lake"]["waiting"] == 0


def test_calls_of_the_plan_store_one_session(lake_and_aurora: Delivered):
    """Of the plan: `aurora_repo.store_indicators(ticker, indicators)`. Its calls do not mislead deliveries."""
    deliver_pending(MARKET, lake_and_aurora.settings)
    store, session = AuroraStore(lake_and_aurora.settings), date(2024, 3, 1)
    values = {"session_date": session, "rsi_14": np.float64(62.5), "macd": np.nan}
    assert store.store_indicators("^gspc", values, source_raw_data_key="raw/x", computed_at=AT, run_id="mine") == 1
    assert store.store_percentiles("NVDA", [{"session_date": session, "rsi_14": {"percentile": 71}}]) == 1
    assert store.store_features("NVDA", {"session_date": "2024-03-01", "computation_version": "x", "beta_90": 1}) == 1
    found = "select rsi_14, macd, sma_20, run_id, source_raw_data_key, computed_at from tribolake_market.indicators"
    of_session = "where ticker = '_5EGSPC' and session_date = '2024-03-01' and computation_version = '1.0'"
    assert lake_and_aurora.in_aurora(f"{found} {of_session}") == [(62.5, None, None, "mine", "raw/x", AT)]

    with duckdb.connect(lake_and_aurora.settings.warehouse) as warehouse:
        warehouse.execute("delete from control.confirmed_deliveries where sink = 'aurora'")
    deliver_pending(MARKET, lake_and_aurora.settings)
    for kind in KINDS:
        assert lake_and_aurora.rows(kind) == lake_and_aurora.gold(kind)


@pytest.mark.slow
def test_password_is_in_no_file_log_or_report(lake_and_aurora: Delivered, tribolake: Tribolake, tmp_path: Path):
    address = lake_and_aurora.settings.aurora.url.get_secret_value()
    said = ""
    for url in (CLOSED_PORT, address, f"postgresql://postgres:{PASSWORD}@:x/", f"oracle://u:{PASSWORD}@h/d"):
        for words in (("run", "--json"), ("deliver",), ("aurora", "upgrade"), ("status", "--json")):
            lake = () if words[0] == "aurora" else ("--lake", str(lake_and_aurora.settings.lake))
            ended = tribolake("market", *words, *lake, TRIBOLAKE_AURORA_URL=url, TRIBOLAKE_DEBUG="1")
            said += ended.stdout + ended.stderr
        said += tribolake("config", "show", TRIBOLAKE_AURORA_URL=url).stdout
    assert "refused" in said and PASSWORD not in said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert_complete(lake_and_aurora)


def test_command_says_what_it_delivered(lake_and_aurora: Delivered, tribolake: Tribolake):
    words = ("market", "deliver", "--quiet", "--lake", str(lake_and_aurora.settings.lake))
    said = [tribolake(*(word for word in words if word != quiet)) for quiet in ("--quiet", "--quiet", "none")]
    assert [one.returncode for one in said] == [0, 0, 0]
    assert "delivered 6 to lake" in said[0].stdout and said[1].stdout == "Nothing waits to be delivered.\n"
    assert said[2].stdout == ""
