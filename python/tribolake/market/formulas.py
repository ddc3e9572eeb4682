"""What an indicator is computed from: its formula in words, and the prices of how many sessions it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tribolake.market.indicators import Computation
from tribolake.market.percentiles import LOOKBACK

PRICES = ("open", "high", "low", "close", "volume")
WHOLE_HISTORY = None


@dataclass(frozen=True)
class Formula:
    """A formula. `reads` says of each price how many sessions are read, the last one included; None is all."""

    text: str
    reads: Mapping[str, int | None]


def formula_of(indicator: str, computation: Computation) -> Formula:
    """Return the formula of an indicator in a computation version. docs/market.md has them all.

    Raises:
        KeyError: there is no such indicator.
    """
    return _formulas(computation)[indicator]


MOMENT_TEXTS = {
    "percentile": "percentile (rank)",
    "mean": "mean",
    "std": "deviation, divided by n,",
    "minimum": "minimum",
    "maximum": "maximum",
    "frequency_below": "share below {lower}",
    "frequency_above": "share above {upper}",
}


def formula_of_moment(
    indicator: str, moment: str, formula: Formula, lower: float | None, upper: float | None
) -> Formula:
    """Return the formula of a moment of an indicator's last values, given that of the indicator and its thresholds."""
    what = MOMENT_TEXTS[moment].format(lower=lower, upper=upper)
    text = f"{what} of {indicator} in the last {LOOKBACK} sessions, this one included; {indicator}: {formula.text}"
    # The value of the first session of the window reads sessions before it.
    return Formula(text, {price: count and count + LOOKBACK - 1 for price, count in formula.reads.items()})


def formula_of_feature(name: str, benchmark: str | None) -> Formula:
    """Return the formula of a feature. Its prices are closes that are adjusted for splits and dividends."""
    kind, _, sessions = name.rpartition("_")
    against = benchmark or "the benchmark, which there is none of"
    texts = {
        "return": f"close ÷ close {sessions} sessions before - 1",
        "volatility": f"deviation of {sessions} daily returns, divided by n - 1, × √252",
        "sharpe": f"mean ÷ deviation of {sessions} daily returns, × √252",
        "drawdown": f"deepest fall from the highest close before, of {sessions} sessions",
        "beta": f"covariance of {sessions} daily returns with those of {against}, ÷ their variance",
        "correlation": f"correlation of {sessions} daily returns with those of {against}",
        "relative_strength": f"return of {sessions} sessions - that of {against}",
    }
    text = "close ÷ last close of the year before - 1" if name == "return_ytd" else texts[kind]
    return Formula(f"{text}; closes are adjusted for splits and dividends", {"close": WHOLE_HISTORY})


def read_by_feature(name: str, days: Sequence[date]) -> list[date]:
    """Return the sessions whose closes a feature reads, given all sessions until its own one."""
    kind, _, sessions = name.rpartition("_")
    if name == "return_ytd":
        before = [day for day in days if day.year < days[-1].year]
        return [*before[-1:], days[-1]]
    count = int(sessions)
    if kind in ("return", "relative_strength"):
        return [days[-1 - count], days[-1]] if len(days) > count else list(days)
    return list(days[-count:] if kind == "drawdown" else days[-1 - count :])


def _formulas(computation: Computation) -> dict[str, Formula]:
    sessions = {f"sma_{n}": Formula(f"mean close of {n} sessions", {"close": n}) for n in (20, 50, 200)}
    macd_start = {
        "average": "both begin at session 26 with a mean",
        "first": "both begin with the first close",
    }[computation.macd_start]
    signal_start = {"average": "which begins at session 34 with a mean", "first": "which begins with the first value"}
    divisor = "n - 1" if computation.band_divisor else "n"
    middle, width = "mean close of 20 sessions", f"2 deviations, divided by {divisor}"
    whole = {"close": WHOLE_HISTORY}
    strength, atr, vwap = _strength(computation), _range(computation), _vwap(computation)
    volume = Formula("mean volume of 20 sessions", {"volume": 20})
    percent = Formula(f"100 × atr_14 ÷ close; atr_14: {atr.text}", _both(atr.reads, {"close": 1}))
    distance = Formula(f"100 × (close - vwap) ÷ vwap; vwap: {vwap.text}", _both(vwap.reads, {"close": 1}))
    return sessions | {
        "rsi_14": strength,
        "macd": Formula(f"EMA of 12 closes - EMA of 26 closes; {macd_start}", whole),
        "macd_signal": Formula(f"EMA of macd over 9 sessions, {signal_start[computation.macd_start]}", whole),
        "macd_hist": Formula("macd - macd_signal", whole),
        "bb_upper": Formula(f"{middle} + {width}", {"close": 20}),
        "bb_middle": Formula(middle, {"close": 20}),
        "bb_lower": Formula(f"{middle} - {width}", {"close": 20}),
        "atr_14": atr,
        "atr_percent": percent,
        "vwap": vwap,
        "volume_sma_20": volume,
        "volume_ratio": Formula("volume ÷ mean volume of 20 sessions", volume.reads),
        "price_vwap_pct": distance,
        "uncertainty_score": Formula(
            "mean of 20 × atr_percent, 10 × |price_vwap_pct| and 50 × |volume_ratio - 1|, each at most 100",
            _both(_both(percent.reads, distance.reads), volume.reads),
        ),
    }


def _strength(computation: Computation) -> Formula:
    if computation.averaging == "wilder":
        text = "100 × gain ÷ (gain + loss), by Wilder's averages of 14 sessions: (13 × before + now) ÷ 14"
        return Formula(text, {"close": WHOLE_HISTORY})
    return Formula("100 × gain ÷ (gain + loss), by plain means of 14 changes", {"close": 15})


def _range(computation: Computation) -> Formula:
    if computation.averaging == "wilder":
        text = "Wilder's average of the true ranges of 14 sessions: (13 × before + now) ÷ 14"
        return Formula(text, dict.fromkeys(("high", "low", "close"), WHOLE_HISTORY))
    return Formula("plain mean of the true ranges of 14 sessions", {"high": 14, "low": 14, "close": 15})


def _vwap(computation: Computation) -> Formula:
    n = computation.vwap_sessions
    return Formula(
        f"Σ (high + low + close) ÷ 3 × volume, ÷ Σ volume, over {n} sessions",
        dict.fromkeys(("high", "low", "close", "volume"), n),
    )


def _both(one: Mapping[str, int | None], other: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return the sessions that two formulas read together."""

    def longer(price: str) -> int | None:
        counts = [reads[price] for reads in (one, other) if price in reads]
        return WHOLE_HISTORY if WHOLE_HISTORY in counts else max(count for count in counts if count is not None)

    return {price: longer(price) for price in PRICES if price in one or price in other}
