"""Technical indicators of one ticker, from its whole history. docs/market.md has the formulas.

`Computation` says which formulas a version uses: `1.0` is the textbook, `reference` repeats the team's former formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from tribolake.libraries import library
from tribolake.market.windows import Values, means, over_windows, ratio, sums

talib = library("talib", "market")  # half a second

INDICATORS = (
    "sma_20", "sma_50", "sma_200", "rsi_14", "macd", "macd_signal", "macd_hist", "bb_upper", "bb_middle", "bb_lower",
    "atr_14", "atr_percent", "vwap", "volume_sma_20", "volume_ratio", "price_vwap_pct", "uncertainty_score",
)  # fmt: skip
# Sessions that an indicator needs where all versions agree.
NEEDED = {"sma_20": 20, "sma_50": 50, "sma_200": 200, "bb_upper": 20, "bb_middle": 20, "bb_lower": 20,
          "volume_sma_20": 20, "volume_ratio": 20}  # fmt: skip
NO_VOLUME, FLAT = "no volume", "the price did not move"
OF_VOLUME = frozenset({"volume_ratio", "vwap", "price_vwap_pct", "uncertainty_score"})


@dataclass(frozen=True)
class Bars:
    """Bars of a ticker in the order of their sessions, adjusted for splits, without missing values."""

    open: Values
    high: Values
    low: Values
    close: Values
    volume: Values

    def __len__(self) -> int:
        return len(self.close)


@dataclass(frozen=True)
class Computation:
    """A row of the seed `computations`."""

    computation_version: str
    averaging: str  # of RSI and ATR: `wilder`, or `plain` means of 14 sessions
    macd_start: str  # of the averages of MACD: `average` of the first sessions, or the `first` close
    band_divisor: int  # 0: Bollinger bands divide by n, 1: by n - 1
    vwap_sessions: int
    vwap_needed: int  # sessions that vwap needs

    @property
    def needed(self) -> dict[str, int]:
        """Sessions that each indicator needs."""
        strength = 15 if self.averaging == "wilder" else 14
        macd = 34 if self.macd_start == "average" else 1
        mixed = max(strength, self.vwap_needed, NEEDED["volume_ratio"])
        return NEEDED | {
            "rsi_14": strength, "atr_14": strength, "atr_percent": strength,
            "macd": macd, "macd_signal": macd, "macd_hist": macd,
            "vwap": self.vwap_needed, "price_vwap_pct": self.vwap_needed, "uncertainty_score": mixed,
        }  # fmt: skip


def compute_indicators(bars: Bars, computation: Computation) -> dict[str, Values]:
    """Compute every indicator for every session. NaN is undefined: see :func:`why_undefined`."""
    close = bars.close
    result = {f"sma_{sessions}": _sma(close, sessions) for sessions in (20, 50, 200)}
    is_wilder = computation.averaging == "wilder"
    result["rsi_14"] = _rsi_wilder(close) if is_wilder else _rsi_plain(close)
    macd, signal = _macd(close) if computation.macd_start == "average" else _macd_from_first(close)
    result |= {"macd": macd, "macd_signal": signal, "macd_hist": macd - signal}
    middle = _sma(close, 20)
    width = 2 * _deviation(close, 20, computation.band_divisor)
    result |= {"bb_upper": middle + width, "bb_middle": middle, "bb_lower": middle - width}
    atr = talib.ATR(bars.high, bars.low, close, 14) if is_wilder else _sma(_true_range(bars), 14)
    result |= {"atr_14": atr, "atr_percent": 100 * ratio(atr, close)}
    vwap = _vwap(bars, computation)
    average_volume = means(bars.volume, 20)
    result |= {
        "vwap": vwap,
        "volume_sma_20": average_volume,
        "volume_ratio": ratio(bars.volume, average_volume),
        "price_vwap_pct": 100 * ratio(close - vwap, vwap),
    }
    result["uncertainty_score"] = _uncertainty(result)
    return {name: result[name] for name in INDICATORS}


def why_undefined(name: str, session: int, computation: Computation) -> str:
    """Return why an indicator is undefined in a session, which are counted from 1."""
    needed = computation.needed[name]
    if session < needed:
        return f"{session} of {needed} sessions"
    return NO_VOLUME if name in OF_VOLUME else FLAT


def _sma(values: Values, sessions: int) -> Values:
    average: Values = talib.SMA(values, sessions)
    return average


def _rsi_wilder(close: Values) -> Values:
    """Wilder 1978. TA-Lib says 0 while the price has not moved at all; there is no such strength."""
    values: Values = talib.RSI(close, 14)
    has_moved = np.maximum.accumulate(np.abs(np.diff(close, prepend=close[:1]))) > 0
    return np.where(has_moved, values, np.nan)


def _rsi_plain(close: Values) -> Values:
    """Plain means of 14 changes, of which the first session's is 0."""
    change = np.diff(close, prepend=close[:1])
    gain, loss = (means(np.clip(side, 0, None), 14) for side in (change, -change))
    return 100 * ratio(gain, gain + loss)


def _macd(close: Values) -> tuple[Values, Values]:
    macd, signal, _ = talib.MACD(close, 12, 26, 9)
    return macd, signal


def _macd_from_first(close: Values) -> tuple[Values, Values]:
    macd = _ema_from_first(close, 12) - _ema_from_first(close, 26)
    return macd, _ema_from_first(macd, 9)


def _ema_from_first(values: Values, sessions: int) -> Values:
    weight = 2 / (sessions + 1)
    return np.array(list(accumulate(values.tolist(), lambda before, value: (1 - weight) * before + weight * value)))


def _deviation(values: Values, sessions: int, ddof: int) -> Values:
    """Return the standard deviation of each window. TA-Lib's loses digits where the price hardly moves."""
    return over_windows(values, sessions, lambda windows: windows.std(axis=1, ddof=ddof))


def _true_range(bars: Bars) -> Values:
    before = np.concatenate([bars.close[:1], bars.close[:-1]])
    ranges: Values = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    ranges[0] = bars.high[0] - bars.low[0]
    return ranges


def _vwap(bars: Bars, computation: Computation) -> Values:
    """Volume-weighted mean of the typical price over the last sessions, or over all while there are fewer."""
    sessions, needed = computation.vwap_sessions, computation.vwap_needed
    typical = (bars.high + bars.low + bars.close) / 3
    paid, volume = (sums(values, sessions) for values in (typical * bars.volume, bars.volume))
    early = min(sessions - 1, len(bars))
    paid[:early], volume[:early] = (np.cumsum(values[:early]) for values in (typical * bars.volume, bars.volume))
    result: Values = ratio(paid, volume)
    result[: needed - 1] = np.nan
    return result


def _uncertainty(result: Mapping[str, Values]) -> Values:
    """From 0 to 100: the mean of range, distance from vwap and unusual volume, each cut at 100."""
    parts = (
        20 * result["atr_percent"],
        10 * np.abs(result["price_vwap_pct"]),
        50 * np.abs(result["volume_ratio"] - 1),
    )
    mean: Values = np.mean([np.minimum(part, 100) for part in parts], axis=0)
    return mean
