"""What an indicator is computed from: its formula in words, and the prices of how many sessions it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tribolake.market.indicators import Computation

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
