"""Compute tables over Arrow: every ticker from its whole history, one after the other.

No state of a recursion is kept, so the order in which responses arrive cannot matter (docs/adr/0026).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tribolake.libraries import require
from tribolake.market import features, indicators
from tribolake.market.features import FEATURES, NEEDED, compute_features, first_read
from tribolake.market.indicators import INDICATORS, Bars, Computation, compute_indicators
from tribolake.market.percentiles import LOOKBACK, Threshold, compute_percentiles
from tribolake.market.reasons import Reasons
from tribolake.market.windows import Values

MOMENTS = ("percentile", "mean", "std", "minimum", "maximum", "frequency_below", "frequency_above")
KEY = (("ticker", pa.string()), ("session_date", pa.date32()), ("computation_version", pa.string()))
INDICATOR_ROWS = pa.schema([*KEY, *((name, pa.float64()) for name in INDICATORS), ("undefined", pa.string())])
PERCENTILE_ROWS = pa.schema(
    [
        *KEY,
        ("indicator", pa.string()),
        ("value", pa.float64()),
        *((name, pa.float64()) for name in MOMENTS),
        ("sessions", pa.int32()),
        ("lookback", pa.int32()),
        ("undefined", pa.string()),
    ]
)
FEATURE_ROWS = pa.schema([*KEY, *((name, pa.float64()) for name in FEATURES), ("undefined", pa.string())])
FEATURES_VERSION = "1.0"
Since = Mapping[str, date]  # the first session of each ticker
BATCH_ROWS = 50_000  # that are read at a time, where a ticker does not have more


def read_ordered(session: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation) -> pa.RecordBatchReader:
    """Read ordered rows while those computed from them are written, so that few tickers are in memory at a time.

    DuckDB sorts within its memory limit. Arrow tables of all rows would be outside of it. A connection runs one query
    at a time, so the rows come over another one.
    """
    return session.cursor().execute(rows.sql_query()).to_arrow_reader(BATCH_ROWS)


def indicator_rows(
    bars: pa.RecordBatchReader, computations: Sequence[Computation], since: Since | None = None
) -> pa.RecordBatchReader:
    """Compute the indicators of tickers while they are read, so that those of one ticker are in memory.

    Args:
        bars: ticker, session_date, open, high, low, close, volume, in this order of rows; no value is missing.
        computations: the versions, each of which computes all of it.
        since: the first session of each ticker whose row is returned; None returns all.

    Raises:
        NotInstalled: TA-Lib is missing.
    """
    require(indicators.talib)
    return _reader(_indicator_parts(bars, computations, since), INDICATOR_ROWS)


def _indicator_parts(
    bars: pa.RecordBatchReader, computations: Sequence[Computation], since: Since | None
) -> Iterator[pa.Table]:
    reasons = [
        Reasons(partial(indicators.why_undefined, computation=computation), max(computation.needed.values()))
        for computation in computations
    ]
    for ticker, part in _by_ticker(bars):
        before = _rows_before(ticker, part, since)
        of_ticker = Bars(*(_numbers(part, name) for name in ("open", "high", "low", "close", "volume")))
        for computation, of_version in zip(computations, reasons, strict=True):
            values = {name: column[before:] for name, column in compute_indicators(of_ticker, computation).items()}
            undefined, version = of_version.of(values, before), computation.computation_version
            yield _rows(ticker, part.slice(before), version, values, undefined, INDICATOR_ROWS)


def percentile_rows(
    found: pa.RecordBatchReader, thresholds: Sequence[Threshold], since: Since | None = None
) -> pa.RecordBatchReader:
    """Compute percentiles of the indicators that thresholds name, while they are read.

    Args:
        found: rows of indicators, in the order of ticker, version and session.
        thresholds: of the indicators.
        since: the first session of each ticker that is computed; None computes all. A percentile depends on its window
            only.

    Returns:
        A row for each session whose window is full, and for the last session of each ticker.
    """
    return _reader(_percentile_parts(found, thresholds, since), PERCENTILE_ROWS)


def _percentile_parts(
    found: pa.RecordBatchReader, thresholds: Sequence[Threshold], since: Since | None
) -> Iterator[pa.Table]:
    for (ticker, version), history in _by_key(found, ("ticker", "computation_version")):
        first = _rows_before(ticker, history, since)
        part = history.slice(max(first - LOOKBACK + 1, 0))
        new = np.arange(len(part)) >= len(part) - (len(history) - first)
        for threshold in thresholds:
            values = _numbers(part, threshold.indicator)
            moments = compute_percentiles(values, threshold)
            is_shown = ~np.isnan(moments["percentile"])
            is_shown[-1:] = True
            shown = np.flatnonzero(is_shown & new)
            if not len(shown):
                continue
            # A window that is not full ends at the last session.
            defined = int((~np.isnan(values[-LOOKBACK:])).sum())
            sessions = np.full(len(shown), LOOKBACK)
            undefined: list[str | None] = [None] * len(shown)
            if np.isnan(moments["percentile"][-1]):
                sessions[-1] = defined
                undefined[-1] = json.dumps({"percentile": f"{defined} of {LOOKBACK} sessions"})
            columns = {
                "ticker": pa.repeat(ticker, len(shown)),
                "session_date": part["session_date"].take(pa.array(shown)).combine_chunks(),
                "computation_version": pa.repeat(version, len(shown)),
                "indicator": pa.repeat(threshold.indicator, len(shown)),
                "value": _nullable(values[shown]),
                **{name: _nullable(moments[name][shown]) for name in MOMENTS},
                "sessions": pa.array(sessions, pa.int32()),
                "lookback": pa.array(np.full(len(shown), LOOKBACK), pa.int32()),
                "undefined": pa.array(undefined, pa.string()),
            }
            yield pa.table(columns, schema=PERCENTILE_ROWS)


def feature_rows(
    bars: pa.RecordBatchReader,
    closes: pa.RecordBatchReader,
    benchmarks: Mapping[str, str],
    since: Since | None = None,
) -> pa.RecordBatchReader:
    """Compute the features of tickers while they are read.

    Args:
        bars: ticker, session_date, close adjusted for all, in this order of rows.
        closes: the same of the tickers that are benchmarks.
        benchmarks: the benchmark of each ticker that has one, as tickers.
        since: the first session of each ticker whose row is returned; None returns all.
    """
    return _reader(_feature_parts(bars, closes, benchmarks, since), FEATURE_ROWS)


def _feature_parts(
    bars: pa.RecordBatchReader, closes: pa.RecordBatchReader, benchmarks: Mapping[str, str], since: Since | None
) -> Iterator[pa.Table]:
    markets = {ticker: (_days(part), _numbers(part, "close")) for ticker, part in _by_ticker(closes)}
    reasons = {
        benchmark: Reasons(partial(features.why_undefined, benchmark=benchmark), max(NEEDED.values()))
        for benchmark in {None, *benchmarks.values()}
    }
    for ticker, history in _by_ticker(bars):
        before = _rows_before(ticker, history, since)
        first = first_read(_days(history), before)
        part = history.slice(first)
        days, close = _days(part), _numbers(part, "close")
        benchmark = benchmarks.get(ticker)
        market = _on_days(days, *markets[benchmark]) if benchmark in markets else None
        values = {name: column[before - first :] for name, column in compute_features(days, close, market).items()}
        undefined = reasons[benchmark].of(values, before)
        yield _rows(ticker, history.slice(before), FEATURES_VERSION, values, undefined, FEATURE_ROWS)


def _rows_before(ticker: str, rows: pa.Table, since: Since | None) -> int:
    return 0 if since is None else int(np.searchsorted(_days(rows), np.datetime64(since[ticker])))


def _on_days(days: features.Days, market_days: features.Days, close: Values) -> Values:
    at = np.searchsorted(market_days, days)
    found = np.minimum(at, len(market_days) - 1)
    return np.where(market_days[found] == days, close[found], np.nan)


def _by_ticker(rows: pa.RecordBatchReader) -> Iterator[tuple[str, pa.Table]]:
    for (ticker,), part in _by_key(rows, ("ticker",)):
        yield ticker, part


def _by_key(rows: pa.RecordBatchReader, names: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pa.Table]]:
    """Cut rows where a key changes. The last key of what was read may go on, so its rows wait for the next ones."""
    waiting = rows.schema.empty_table()
    for batch in rows:
        read = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        codes = [read[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in names]
        cuts = np.flatnonzero(np.logical_or.reduce([np.diff(code) != 0 for code in codes])) + 1
        edges = [0, *cuts.tolist()]
        yield from (_part(read, names, start, end) for start, end in pairwise(edges))
        waiting = read.slice(edges[-1])
    if len(waiting):
        yield _part(waiting, names, 0, len(waiting))


def _part(rows: pa.Table, names: Sequence[str], start: int, end: int) -> tuple[tuple[Any, ...], pa.Table]:
    return tuple(rows[name][start].as_py() for name in names), rows.slice(start, end - start)


def _rows(
    ticker: str,
    part: pa.Table,
    version: str,
    values: Mapping[str, Values],
    undefined: pa.Array,
    schema: pa.Schema,
) -> pa.Table:
    columns = {
        "ticker": pa.repeat(ticker, len(part)),
        "session_date": part["session_date"].combine_chunks(),
        "computation_version": pa.repeat(version, len(part)),
        **{name: _nullable(column) for name, column in values.items()},
        "undefined": undefined,
    }
    return pa.table(columns, schema=schema)


def _numbers(rows: pa.Table, name: str) -> Values:
    """Return a column of numbers. A missing value is NaN."""
    column: Values = rows[name].combine_chunks().to_numpy(zero_copy_only=False).astype(np.float64)
    return column


def _days(rows: pa.Table) -> features.Days:
    days: features.Days = rows["session_date"].combine_chunks().to_numpy(zero_copy_only=False).astype("datetime64[D]")
    return days


def _nullable(values: Values) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _reader(parts: Iterator[pa.Table], schema: pa.Schema) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(schema, (batch for part in parts for batch in part.to_batches()))
