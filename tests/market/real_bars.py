"""Real prices: indices of `arch`, and shares of `bokeh_sampledata` as they were traded."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from tribolake.market.indicators import Bars
from tribolake.market.sample import Traded

SPLITS = {
    "AAPL": {date(2000, 6, 21): 2.0, date(2005, 2, 28): 2.0},
    "MSFT": {date(2003, 2, 18): 2.0},
    "IBM": {},
    "GOOG": {},
    "FB": {},
}


def share(symbol: str) -> Traded:
    """Return a share of bokeh's data, with its real splits."""
    from bokeh_sampledata import stocks  # noqa: PLC0415 - five years of five shares take a second

    found = getattr(stocks, symbol)
    order = np.argsort(np.array(found["date"], dtype="datetime64[D]"))
    days = np.array(found["date"], dtype="datetime64[D]")[order].tolist()
    prices = (np.array(found[name], dtype=float)[order] for name in ("open", "high", "low", "close", "volume"))
    opening, high, low, close, volume = prices
    return Traded(
        symbol,
        days,
        opening.tolist(),
        np.maximum(high, np.maximum(opening, close)).tolist(),
        np.minimum(low, np.minimum(opening, close)).tolist(),
        close.tolist(),
        volume.tolist(),
        splits=SPLITS[symbol],
    )


def index(name: str) -> Bars:
    """Return the bars of an index of arch's data: `sp500` or `nasdaq`."""
    from importlib import import_module  # noqa: PLC0415

    found: Any = import_module(f"arch.data.{name}").load()
    columns = (found[column].to_numpy(dtype=float) for column in ("Open", "High", "Low", "Close", "Volume"))
    return Bars(*columns)
