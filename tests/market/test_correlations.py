"""The correlation matrix of declared tickers, over the last 90 sessions that both of a pair have."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from tribolake.market.correlations import CORRELATIONS, MOST_TICKERS, SESSIONS, correlation_rows

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(120)]


def walk(seed: int, days: list[date] = DAYS) -> dict[date, float]:
    return dict(zip(days, np.random.default_rng(seed).normal(0, 0.01, len(days)).tolist(), strict=True))


def test_pair_equals_numpy_over_common_sessions():
    """The other exchange has holidays, and its own sessions."""
    one, other = walk(1), walk(2, [day for n, day in enumerate(DAYS) if n % 9])
    (row,) = correlation_rows({"NVDA": one, "D05.SI": other}).to_pylist()
    common = sorted(one.keys() & other.keys())[-SESSIONS:]
    expected = np.corrcoef([one[day] for day in common], [other[day] for day in common])[0, 1]
    assert row == {
        "ticker": "D05.SI", "other_ticker": "NVDA", "sessions": 90, "first_session": common[0],
        "last_session": common[-1], "correlation": pytest.approx(expected, abs=1e-12), "undefined": None,
    }  # fmt: skip


def test_order_of_tickers_and_days_changes_no_bit():
    returns = {ticker: walk(seed) for seed, ticker in enumerate("ABCD")}
    other = {ticker: dict(reversed(values.items())) for ticker, values in reversed(returns.items())}
    assert correlation_rows(returns).equals(correlation_rows(other))
    assert len(correlation_rows(returns)) == 6


def test_same_and_opposite_returns_have_the_ends_of_the_scale():
    one = walk(1)
    found = correlation_rows({"A": one, "B": one, "C": {day: -value for day, value in one.items()}})
    assert found["correlation"].to_pylist() == [1.0, -1.0, -1.0]


def test_undefined_correlation_says_why():
    returns = {"FLAT": dict.fromkeys(DAYS, 0.0), "NEW": walk(1, DAYS[-30:]), "NONE": {}, "OLD": walk(2)}
    found = {(row["ticker"], row["other_ticker"]): row for row in correlation_rows(returns).to_pylist()}
    assert all(row["correlation"] is None for pair, row in found.items())
    assert found["FLAT", "OLD"]["undefined"] == "the price did not move"
    assert found["NEW", "OLD"]["undefined"] == "30 of 90 sessions"
    assert found["NONE", "OLD"]["undefined"] == "0 of 90 sessions" and found["NONE", "OLD"]["last_session"] is None


def test_more_tickers_than_a_matrix_holds_are_refused():
    with pytest.raises(ValueError, match="correlated_tickers"):
        correlation_rows({f"T{n}": {} for n in range(MOST_TICKERS + 1)})


def test_no_tickers_give_no_rows():
    assert correlation_rows({}).schema == CORRELATIONS
