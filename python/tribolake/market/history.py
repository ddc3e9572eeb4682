"""The history of a ticker as it is published: prices, indicators, splits and dividends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from tribolake.lake.objects import Objects
from tribolake.market.contract import BARS, CONTRACT, INDICATORS, UNIVERSE
from tribolake.market.symbols import ticker_of
from tribolake.publish.version import silver_file
from tribolake.run.warehouse import rows_of
from tribolake.trace.find import find_gold, find_silver
from tribolake.trace.manifests import current_publication

READ_FILES = (INDICATORS.file_name, silver_file(BARS))  # of a publication
PRICES = ("split_close", "adjusted_close")
DRAWN = ("sma_50", "sma_200", "bb_upper", "bb_lower", "rsi_14", "macd", "macd_signal", "macd_hist")
EVENTS = ("split", "dividend")
# Prices as traded are multiplied by later splits, and adjusted ones lowered by later dividends: both change in steps.
SESSIONS = f"""
    with

    bars as (
        select
            session_date, currency, split_close, adjusted_close,
            lag(split_close) over by_session as close_before,
            traded_close / split_close as later_splits,
            adjusted_close / split_close as later_dividends
        from read_parquet($bars)
        where ticker = $ticker
        window by_session as (order by session_date)
    ),

    events as (
        select
            *,
            lag(later_splits) over by_session / later_splits as split,
            close_before * (1 - lag(later_dividends) over by_session / later_dividends) as dividend
        from bars
        window by_session as (order by session_date)
    )

    select
        events.session_date, events.currency, {", ".join((*PRICES, *DRAWN))},
        if(abs(split - 1) > 1e-6, split, null) as split,
        if(dividend > 1e-9 * close_before, dividend, null) as dividend
    from events
    left join (
        from read_parquet($indicators) where ticker = $ticker and computation_version = $version
    ) as indicators using (session_date)
    where coalesce(events.session_date > (select max(session_date) from bars) - to_years(cast($years as integer)), true)
    order by events.session_date
"""


@dataclass(frozen=True)
class History:
    """Sessions of a ticker in their order: prices, indicators, and `split` and `dividend` where one took effect."""

    symbol: str
    computation_version: str
    sessions: Sequence[Mapping[str, Any]]


def read_history(objects: Objects, symbol: str, version: str, years: int | None = None) -> History | None:
    """Read what is published of a ticker.

    Args:
        objects: of the lake of the product.
        symbol: Yahoo's symbol.
        version: computation version of the indicators.
        years: before its last session; None is the whole history.

    Returns:
        The history. None if nothing is published of the ticker.

    Raises:
        ContractBroken: a published file is not what its manifest says.
    """
    publication = current_publication(objects, UNIVERSE)
    if publication is None:
        return None
    about: dict[str, Any] = {
        "bars": str(find_silver(objects, CONTRACT, publication, BARS).path),
        "indicators": str(find_gold(objects, CONTRACT, publication, INDICATORS.name).path),
        "ticker": ticker_of(symbol),
        "version": version,
        "years": years,
    }
    with _reader().cursor() as reader:
        sessions = rows_of(reader, SESSIONS, about)
    return History(symbol, version, sessions) if sessions else None


@cache
def _reader() -> duckdb.DuckDBPyConnection:
    """Return a database that stays open: opening one takes as long as a question. Published files never change."""
    return duckdb.connect(config={"threads": 1, "memory_limit": "200MB"})
