"""Strength, ranges and bands equal those of two libraries that are not TA-Lib, on real prices.

Both start MACD otherwise, so it is compared with plain loops only (test_indicators.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pandas_ta_classic
import pytest
from talipp.indicators import BB, RSI
from tests.market.real_bars import SPLITS, index, share
from tests.market.small_warehouse import TEXTBOOK

from tribolake.market.indicators import Bars, compute_indicators
from tribolake.market.windows import Values


@pytest.fixture(scope="module", params=["sp500", "nasdaq", *SPLITS])
def bars(request: pytest.FixtureRequest) -> Bars:
    """Prices of an index, or of a share as it was traded, with the falls of its splits."""
    if request.param not in SPLITS:
        return index(request.param)
    traded = share(request.param)
    return Bars(*(np.array(getattr(traded, name)) for name in ("open", "high", "low", "close", "volume")))


@pytest.fixture(scope="module")
def found(bars: Bars) -> dict[str, Values]:
    return dict(compute_indicators(bars, TEXTBOOK))


def assert_equal(found: Values, expected: Sequence[float | None], scale: Values | float = 1.0) -> None:
    """Values are missing in the same sessions, and differ by at most 1e-9 of the scale."""
    other = np.array(expected, dtype=float)
    assert np.array_equal(np.isnan(found), np.isnan(other))
    assert np.nanmax(np.abs(found - other) / scale) <= 1e-9


def test_strength_equals_talipp(bars: Bars, found: dict[str, Values]):
    assert_equal(found["rsi_14"], RSI(14, bars.close.tolist()))


def test_bands_equal_talipp(bars: Bars, found: dict[str, Values]):
    bands = list(BB(20, 2, bars.close.tolist()))
    for name, field in (("bb_upper", "ub"), ("bb_middle", "cb"), ("bb_lower", "lb")):
        assert_equal(found[name], [getattr(one, field, None) for one in bands], bars.close)


def test_strength_equals_pandas_ta(bars: Bars, found: dict[str, Values]):
    assert_equal(found["rsi_14"], pandas_ta_classic.rsi(pd.Series(bars.close), length=14, talib=False))


def test_range_equals_pandas_ta(bars: Bars, found: dict[str, Values]):
    high, low, close = map(pd.Series, (bars.high, bars.low, bars.close))
    assert_equal(found["atr_14"], pandas_ta_classic.atr(high, low, close, length=14, talib=False), bars.close)
