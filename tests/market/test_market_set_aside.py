"""A response that fails the build does not hold up the other tickers."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tribolake.market import computing
from tribolake.market.indicators import Bars
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.run.pipeline import run
from tribolake.settings import Settings

WORKS, FAILS = random_walk("NVDA", 60), random_walk("POISON", 61, seed=2)


@pytest.mark.slow
def test_response_that_fails_the_build_is_set_aside(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    compute = computing.compute_indicators

    def failing(bars: Bars, *others: object) -> object:
        if len(bars) == len(FAILS.days):
            raise MemoryError("no memory for this")
        return compute(bars, *others)

    market = MARKET.of(settings)
    for share in (WORKS, FAILS):
        key = Path(settings.lake, key_of(share.symbol, after_close(share.days[-1])))
        key.parent.mkdir(parents=True)
        key.write_bytes(as_bytes(chart_of(share, share.days[-1])))
    monkeypatch.setattr(computing, "compute_indicators", failing)
    report = run(MARKET, market)
    (failed,) = report.failed_files
    assert "/POISON/" in failed["file"] and "no memory for this" in failed["problem"]
    assert report.clients["universe"].published
    with duckdb.connect(market.warehouse, read_only=True) as warehouse:
        assert warehouse.execute("select ticker, count(*) from silver.bars group by all").fetchall() == [("NVDA", 60)]
    assert run(MARKET, market).nothing_new
