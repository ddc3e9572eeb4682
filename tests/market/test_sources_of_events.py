"""A response whose bars were all served again is a source still if it names the splits and dividends that count."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.market.small_warehouse import written

from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.market_lake import MarketLake
from tribolake.market.object_lineage import lineage_of_object
from tribolake.market.product import MARKET
from tribolake.market.sample import NEW_YORK, after_close, as_bytes, chart_of, key_of, opening_time, random_walk
from tribolake.market.value_lineage import lineage_of_value
from tribolake.run.pipeline import run

CHARTED, IMPORTED = date(2024, 3, 1), date(2024, 3, 4)
PAID = date(2024, 2, 1)
DIVIDENDS = {date(2023, 9, 1): 0.8, PAID: 0.3}
SHARE = random_walk("NVDA", 340, splits={date(2023, 6, 1): 2.0}, dividends=DIVIDENDS)


def table() -> bytes:
    quote = chart_of(SHARE, IMPORTED)["chart"]["result"][0]["indicators"]["quote"][0]
    columns = (quote[name] for name in ("open", "high", "low", "close", "volume"))
    rows = [",".join(map(str, row)) for row in zip(SHARE.days, *columns, strict=False)]
    return "\n".join(["Date,Open,High,Low,Close,Volume", *rows]).encode()


@pytest.mark.slow
def test_chart_below_a_table_is_a_source_of_its_dividends(tmp_path: Path):
    settings = written(tmp_path)
    chart, of_table = key_of("NVDA", after_close(CHARTED)), str(RawKey(IMPORT, "NVDA", after_close(IMPORTED), 1, "csv"))
    served = chart_of(SHARE, CHARTED)
    events, at = served["chart"]["result"][0]["events"], opening_time(PAID, NEW_YORK)
    events["dividends"][str(at + 60)] = {"amount": 0.1, "date": at + 60}  # a second one of its day
    events["capitalGains"] = {str(at): {"amount": 1.2, "date": at}}  # more than both: they are not in them
    for key, content in ((chart, as_bytes(served)), (of_table, table())):
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_bytes(content)
    assert not run(MARKET, settings).needs_a_look
    body = MarketLake(settings).get_latest_indicators("NVDA") or {}
    assert [(one["key"], one["sessions"] > 0) for one in body["sources"]] == [(chart, False), (of_table, True)]
    assert lineage_of_object(settings, body["key"]).is_same
    for name, dividends in (("return_21", 4), ("sharpe_90", 4), ("rsi_14", 0)):
        found = lineage_of_value(settings, "NVDA", date(2023, 8, 31), name)
        assert not found.problems and found.recomputed == found.value
        assert [one.key for one in found.dividends] == [chart] * dividends
        assert [one.amount for one in found.dividends] == [0.8, 1.2, 0.3, 0.1][:dividends]
        assert len({one.pointer for one in found.dividends}) == dividends
