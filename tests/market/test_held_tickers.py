"""Runs in which a quality rule holds one ticker back: it keeps what it has published, and others go on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pytest_httpserver import HTTPServer

from tribolake.market.market_lake import MarketLake
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

DAYS = (date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 4))
# AMD is compared with the index, NVDA is the one that is held back.
SHARES = tuple(random_walk(symbol, 320, seed) for seed, symbol in enumerate(("NVDA", "AMD", "^GSPC")))
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


def deliver(settings: Settings, day: date, *, is_halved: bool = False) -> None:
    for share in SHARES:
        chart = chart_of(share, day)
        quote = chart["chart"]["result"][0]["indicators"]["quote"][0]
        if is_halved and share.symbol == "NVDA":
            for name in ("open", "high", "low", "close"):
                quote[name][-1] /= 2
        put(settings, key_of(share.symbol, after_close(day)), chart)


def put(settings: Settings, key: str, chart: dict[str, Any]) -> None:
    path = settings.lake / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(chart))


def gold(settings: Settings) -> dict[str, pa.Table]:
    folder = settings.lake / "market/gold/universe"
    manifest = json.loads((folder / "_manifest.json").read_text())
    return {file["name"].removesuffix(".parquet"): pq.read_table(folder / manifest["folder"] / file["name"])
            for file in manifest["files"]}  # fmt: skip


def of(ticker: str, tables: dict[str, pa.Table]) -> dict[str, Any]:
    return {name: table.filter(pc.equal(table["ticker"], ticker)) for name, table in tables.items()
            if name != "correlations"}  # fmt: skip


@pytest.mark.slow
def test_ticker_is_held_back_told_once_and_released(tmp_path: Path, httpserver: HTTPServer, tribolake: Tribolake):
    httpserver.expect_request("/").respond_with_data("")
    target = f"json://{httpserver.host}:{httpserver.port}"
    settings = MARKET.of(load_settings(lake=tmp_path / "lake", language="en", notify=[target]))
    deliver(settings, DAYS[0])
    assert not run(MARKET, settings).needs_a_look
    before, stored = gold(settings), MarketLake(settings).versions("NVDA")

    deliver(settings, DAYS[1], is_halved=True)
    report = run(MARKET, settings)
    assert report.needs_a_look and not report.problems and not report.failed_tests
    assert report.clients["universe"].published
    held = report.as_dict()["quality"]["held_back"]
    assert list(held) == ["NVDA"] and "moved_like_split on 2024-02-29" in held["NVDA"]
    after = gold(settings)
    for name, table in of("NVDA", before).items():
        assert of("NVDA", after)[name].equals(table), name
    assert MarketLake(settings).versions("NVDA") == stored
    for ticker in ("AMD", "_5EGSPC"):
        assert max(of(ticker, after)["features"]["session_date"].to_pylist()) == DAYS[1]
        assert max(of(ticker, after)["indicators"]["session_date"].to_pylist()) == DAYS[1]
    findings = duckdb.sql(
        f"from '{settings.lake}/market/silver/quality_findings/UNIVERSE.parquet' where severity = 'hold back'"
    )
    assert findings.project("ticker, rule, cast(session_date as varchar)").fetchall() == [
        ("NVDA", "moved_like_split", "2024-02-29")
    ]
    said = tribolake("market", "status", "--lake", str(tmp_path / "lake"))
    assert "held back NVDA since" in said.stdout and "split" in said.stdout

    # It keeps its rows when everything is made again, also if the warehouse is lost.
    assert run(MARKET, settings).nothing_new
    for is_lost in (False, True):
        if is_lost:
            settings.warehouse.unlink()
        run(MARKET, settings, full_refresh=not is_lost)
        for name, table in of("NVDA", before).items():
            assert of("NVDA", gold(settings))[name].equals(table), (name, is_lost)
        assert max(of("AMD", gold(settings))["features"]["session_date"].to_pylist()) == DAYS[1]
    told = [json.loads(request.get_data())["message"] for request, _ in httpserver.log]
    assert len(told) == 1 and told[0].count("\n") == 0
    assert told[0].startswith("NVDA is held back, and keeps what it has published: moved_like_split on 2024-02-29")
    with duckdb.connect(settings.warehouse) as warehouse:
        assert warehouse.execute("select count(*) from control.computed_tickers").fetchall() == [(2,)]

    # The next response has the right price.
    deliver(settings, DAYS[2])
    report = run(MARKET, settings)
    assert not report.needs_a_look and report.as_dict()["quality"]["held_back"] == {}
    last = of("NVDA", gold(settings))
    assert all(max(last[name]["session_date"].to_pylist()) == DAYS[2] for name in last)
    assert len(MarketLake(settings).versions("NVDA")) == 2 * len(stored)
    assert len(httpserver.log) == 1


@pytest.mark.slow
def test_benchmark_that_changed_while_a_ticker_was_held_back_counts_after_it(tmp_path: Path):
    settings = MARKET.of(load_settings(lake=tmp_path / "lake"))
    nvda, _, index = SHARES
    deliver(settings, DAYS[0])
    run(MARKET, settings)
    deliver(settings, DAYS[1], is_halved=True)
    corrected = chart_of(index, DAYS[1])
    corrected["chart"]["result"][0]["indicators"]["quote"][0]["close"][-40] *= 1.001
    put(settings, key_of(index.symbol, after_close(DAYS[1]) + timedelta(hours=1)), corrected)
    assert run(MARKET, settings).needs_a_look
    put(settings, key_of(nvda.symbol, after_close(DAYS[2])), chart_of(nvda, DAYS[2]))
    assert not run(MARKET, settings).needs_a_look
    step_by_step = gold(settings)
    run(MARKET, settings, full_refresh=True)
    for name, table in gold(settings).items():
        assert step_by_step[name].equals(table), name


@pytest.mark.slow
def test_ticker_that_was_never_good_is_not_published(tmp_path: Path):
    settings = MARKET.of(load_settings(lake=tmp_path / "lake"))
    deliver(settings, DAYS[1], is_halved=True)
    report = run(MARKET, settings)
    assert report.needs_a_look and list(report.as_dict()["quality"]["held_back"]) == ["NVDA"]
    assert set(gold(settings)["indicators"]["ticker"].to_pylist()) == {"AMD", "_5EGSPC"}
    with duckdb.connect(settings.warehouse) as warehouse:
        assert (
            warehouse.execute(MARKET.warehouse.troubles).fetchall()[0][0] == "quality NVDA hold back moved_like_split"
        )
    # Tickers that are held back are not touched by a run that brings them nothing.
    put(settings, key_of("AMD", after_close(DAYS[2])), chart_of(SHARES[1], DAYS[2]))
    report = run(MARKET, settings)
    assert list(report.as_dict()["quality"]["held_back"]) == ["NVDA"]
    with duckdb.connect(settings.warehouse) as warehouse:
        assert warehouse.execute("select ticker from changes.touched_tickers").fetchall() == [("AMD",)]
