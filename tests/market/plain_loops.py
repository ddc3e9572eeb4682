"""Indicators written from their definitions, one session after the other. Nothing here knows TA-Lib."""

from __future__ import annotations

import math
from collections.abc import Sequence

Numbers = Sequence[float]
NONE = math.nan


def sma(values: Numbers, n: int) -> list[float]:
    return [math.fsum(values[i - n + 1 : i + 1]) / n if i >= n - 1 else NONE for i in range(len(values))]


def ema(values: Numbers, n: int, start: int) -> list[float]:
    """The first value is the mean of the n values that end at `start`."""
    result = [NONE] * len(values)
    if start < len(values):
        result[start] = math.fsum(values[start - n + 1 : start + 1]) / n
        for i in range(start + 1, len(values)):
            result[i] = result[i - 1] + 2 / (n + 1) * (values[i] - result[i - 1])
    return result


def macd(close: Numbers) -> tuple[list[float], list[float]]:
    """Both averages begin when the longer one can, and the line is shown once it has a signal."""
    line = [fast - slow for fast, slow in zip(ema(close, 12, 25), ema(close, 26, 25), strict=True)]
    signal = ema(line, 9, 33)
    return [value if i >= 33 else NONE for i, value in enumerate(line)], signal


def wilder(values: Numbers, n: int) -> list[float]:
    """Wilder's average of values 1 to the end; value 0 has no predecessor."""
    result = [NONE] * len(values)
    if len(values) > n:
        result[n] = math.fsum(values[1 : n + 1]) / n
        for i in range(n + 1, len(values)):
            result[i] = (result[i - 1] * (n - 1) + values[i]) / n
    return result


def changes(close: Numbers) -> list[float]:
    return [0.0, *(close[i] - close[i - 1] for i in range(1, len(close)))]


def strength(gains: Numbers, losses: Numbers) -> list[float]:
    pairs = zip(gains, losses, strict=True)
    return [100 * gain / (gain + loss) if gain + loss > 0 else NONE for gain, loss in pairs]


def rsi_wilder(close: Numbers) -> list[float]:
    moved = changes(close)
    return strength(wilder([max(m, 0) for m in moved], 14), wilder([max(-m, 0) for m in moved], 14))


def true_ranges(high: Numbers, low: Numbers, close: Numbers) -> list[float]:
    return [
        max(high[i] - low[i], *((abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) if i else (0.0,)))
        for i in range(len(close))
    ]


def deviation(values: Numbers, n: int, divisor: int) -> list[float]:
    result = []
    for i in range(len(values)):
        window = values[i - n + 1 : i + 1] if i >= n - 1 else []
        mean = math.fsum(window) / n
        result.append(math.sqrt(math.fsum((v - mean) ** 2 for v in window) / (n - divisor)) if window else NONE)
    return result


def vwap(high: Numbers, low: Numbers, close: Numbers, volume: Numbers, n: int, needed: int) -> list[float]:
    result = []
    for i in range(len(close)):
        window = range(max(0, i - n + 1), i + 1)
        shares = math.fsum(volume[j] for j in window)
        paid = math.fsum((high[j] + low[j] + close[j]) / 3 * volume[j] for j in window)
        result.append(paid / shares if shares and i + 1 >= needed else NONE)
    return result


def percentile(values: Numbers, n: int) -> list[float]:
    """As scipy ranks: half of those that are equal count."""
    result = []
    for i in range(len(values)):
        window = values[i - n + 1 : i + 1] if i >= n - 1 else []
        below, equal = sum(v < values[i] for v in window), sum(v == values[i] for v in window)
        result.append((below + (equal + 1) / 2) * 100 / n if window else NONE)
    return result


def deepest_fall(close: Numbers, n: int) -> list[float]:
    result = []
    for i in range(len(close)):
        window = close[i - n + 1 : i + 1] if i >= n - 1 else []
        falls = [window[later] / window[peak] - 1 for peak in range(len(window)) for later in range(peak, len(window))]
        result.append(min(falls) if falls else NONE)
    return result
