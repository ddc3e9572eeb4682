"""Features of one ticker: returns, risk, and how it moves with its benchmark. From prices adjusted for all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tribolake.market.windows import Values, over_windows, ratio

Days = NDArray[np.datetime64]
RETURNS, WINDOWS, BENCHMARK_SESSIONS = (1, 5, 21), (30, 90), 90
SESSIONS_PER_YEAR = 252
OF_BENCHMARK = ("beta_90", "correlation_90", "relative_strength_90")
FEATURES = (
    *(f"return_{sessions}" for sessions in RETURNS),
    "return_ytd",
    *(f"{name}_{sessions}" for name in ("volatility", "sharpe", "drawdown") for sessions in WINDOWS),
    *OF_BENCHMARK,
)
# Sessions that each feature needs.
NEEDED = (
    {f"return_{sessions}": sessions + 1 for sessions in RETURNS}
    | {f"{name}_{n}": n + 1 for name in ("volatility", "sharpe") for n in WINDOWS}
    | {f"drawdown_{n}": n for n in WINDOWS}
    | dict.fromkeys(OF_BENCHMARK, BENCHMARK_SESSIONS + 1)
)


def compute_features(days: Days, close: Values, benchmark: Values | None) -> dict[str, Values]:
    """Compute every feature for every session. NaN is undefined.

    Args:
        days: sessions, ascending.
        close: closes, adjusted for splits and dividends.
        benchmark: closes of the benchmark on these days, NaN where it has none; None without a benchmark.
    """
    result = {f"return_{sessions}": _returns(close, sessions) for sessions in RETURNS}
    result["return_ytd"] = _year_to_date(days, close)
    daily = result["return_1"]
    for sessions in WINDOWS:
        deviation = over_windows(daily, sessions, lambda windows: windows.std(axis=1, ddof=1))
        mean = over_windows(daily, sessions, lambda windows: windows.mean(axis=1))
        result[f"volatility_{sessions}"] = deviation * np.sqrt(SESSIONS_PER_YEAR)
        result[f"sharpe_{sessions}"] = ratio(mean, deviation) * np.sqrt(SESSIONS_PER_YEAR)
        result[f"drawdown_{sessions}"] = over_windows(close, sessions, _deepest_fall)
    result |= _against(close, daily, benchmark)
    return {name: result[name] for name in FEATURES}


def first_read(days: Days, session: int) -> int:
    """Return the first session that the features of one and of those after it are computed from, all by position."""
    if session >= len(days):
        return session
    year_began = int(np.searchsorted(days, days[session].astype("datetime64[Y]").astype("datetime64[D]")))
    return max(min(session - max(NEEDED.values()) + 1, year_began - 1), 0)


def why_undefined(name: str, session: int, benchmark: str | None) -> str:
    """Return why a feature is undefined in a session, which are counted from 1."""
    needed = NEEDED.get(name, 0)
    if session < needed:
        return f"{session} of {needed} sessions"
    if name in OF_BENCHMARK:
        return f"{benchmark} has not all sessions" if benchmark else "no benchmark"
    return "no session in the year before" if name == "return_ytd" else "the price did not move"


def _returns(close: Values, sessions: int) -> Values:
    result = np.full(len(close), np.nan)
    result[sessions:] = close[sessions:] / close[:-sessions] - 1
    return result


def _year_to_date(days: Days, close: Values) -> Values:
    """Return since the last close of the year before."""
    years = days.astype("datetime64[Y]")
    last_before = np.searchsorted(years, years) - 1
    result = close / close[last_before] - 1
    return np.where((last_before >= 0) & (years[last_before] == years - 1), result, np.nan)


def _deepest_fall(windows: Values) -> Values:
    """Return the deepest fall from the highest close before, as a negative share."""
    fall: Values = (windows / np.maximum.accumulate(windows, axis=1) - 1).min(axis=1)
    return fall


def _against(close: Values, daily: Values, benchmark: Values | None) -> dict[str, Values]:
    if benchmark is None:
        return {name: np.full(len(close), np.nan) for name in OF_BENCHMARK}
    n = BENCHMARK_SESSIONS
    market = _returns(benchmark, 1)
    of_both, of_one, of_market = (
        over_windows(product, n, lambda windows: windows.mean(axis=1)) for product in (daily * market, daily, market)
    )
    covariance = of_both - of_one * of_market
    variance, own = (over_windows(values, n, lambda windows: windows.var(axis=1)) for values in (market, daily))
    return {
        "beta_90": ratio(covariance, variance),
        "correlation_90": ratio(covariance, np.sqrt(variance * own)),
        "relative_strength_90": _returns(close, n) - _returns(benchmark, n),
    }
