"""How daily returns of declared tickers move together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import combinations

import numpy as np
import pyarrow as pa

from tribolake.market.windows import Values

MOST_TICKERS, SESSIONS = 200, 90
FLAT = "the price did not move"
CORRELATIONS = pa.schema(
    [
        ("ticker", pa.string()),
        ("other_ticker", pa.string()),
        ("sessions", pa.int32()),
        ("first_session", pa.date32()),
        ("last_session", pa.date32()),
        ("correlation", pa.float64()),
        ("undefined", pa.string()),
    ]
)


def correlation_rows(returns: Mapping[str, Mapping[date, float]]) -> pa.Table:
    """Correlate each pair of tickers over the last sessions that both have.

    Args:
        returns: daily returns by ticker and session.

    Returns:
        A row per pair of the shape `CORRELATIONS`, the first ticker before the other one. The correlation is null if
        there are fewer than `SESSIONS`, or if a price did not move; `undefined` says which.

    Raises:
        ValueError: more than `MOST_TICKERS` are declared.
    """
    if len(returns) > MOST_TICKERS:
        raise ValueError(
            f"{len(returns)} tickers are declared in correlated_tickers, at most {MOST_TICKERS} are correlated"
        )
    days = np.array(sorted({day for values in returns.values() for day in values}), dtype="datetime64[D]")
    columns = {ticker: _on_days(days, values) for ticker, values in sorted(returns.items())}
    rows = [_row(days, *pair) for pair in combinations(columns.items(), 2)]
    return pa.Table.from_pylist(rows, schema=CORRELATIONS)


def _on_days(days: np.ndarray, values: Mapping[date, float]) -> Values:
    column = np.full(len(days), np.nan)
    column[np.searchsorted(days, np.array(list(values), dtype="datetime64[D]"))] = list(values.values())
    return column


def _row(days: np.ndarray, one: tuple[str, Values], other: tuple[str, Values]) -> dict[str, object]:
    common = np.flatnonzero(~np.isnan(one[1]) & ~np.isnan(other[1]))[-SESSIONS:]
    row: dict[str, object] = {"ticker": one[0], "other_ticker": other[0], "sessions": len(common)}
    if len(common):
        row |= {"first_session": days[common[0]].item(), "last_session": days[common[-1]].item()}
    if len(common) < SESSIONS:
        return row | {"undefined": f"{len(common)} of {SESSIONS} sessions"}
    first, second = (values[common] - values[common].mean() for values in (one[1], other[1]))
    size = np.sqrt((first**2).sum() * (second**2).sum())
    if size == 0:
        return row | {"undefined": FLAT}
    return row | {"correlation": float(np.clip((first * second).sum() / size, -1, 1))}
