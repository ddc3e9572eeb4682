"""Where a value stands among those of the last sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tribolake.market.windows import Values, blocks_of_windows, extremes

LOOKBACK = 252


@dataclass(frozen=True)
class Threshold:
    """A row of the seed `thresholds`: an indicator is unusual below `lower` and above `upper`."""

    indicator: str
    lower: float | None
    upper: float | None


def compute_percentiles(values: Values, threshold: Threshold, lookback: int = LOOKBACK) -> dict[str, Values]:
    """Compute percentile, moments and frequencies of each session's value in its window, itself included.

    Percentiles count as `scipy.stats.percentileofscore(kind="rank")`. All are NaN unless every session of the window
    has a value.
    """
    found = {name: np.full(len(values), np.nan) for name in ("percentile", "mean", "std")}
    for at, windows in blocks_of_windows(values, lookback):
        mean = windows.mean(axis=1, keepdims=True)
        found["mean"][at] = mean[:, 0]
        found["std"][at] = windows.std(axis=1, mean=mean)
        found["percentile"][at] = _rank(windows)
    found |= {"minimum": extremes(values, lookback, np.minimum), "maximum": extremes(values, lookback, np.maximum)}
    is_full = ~np.isnan(found["minimum"])
    found["percentile"][~is_full] = np.nan
    return found | {
        "frequency_below": _frequency(values, threshold.lower, lookback, -1, is_full),
        "frequency_above": _frequency(values, threshold.upper, lookback, 1, is_full),
    }


def _rank(windows: Values) -> Values:
    value = windows[:, -1:]
    below, up_to = (windows < value).sum(axis=1), (windows <= value).sum(axis=1)
    rank: Values = (below + up_to + 1) * (50 / windows.shape[1])
    return rank


def _frequency(values: Values, limit: float | None, lookback: int, sign: int, is_full: NDArray[np.bool_]) -> Values:
    """Return the share of each window that is beyond a limit. Counts are whole numbers, so a running sum is exact."""
    result = np.full(len(values), np.nan)
    if limit is not None:
        beyond = np.concatenate([[0], np.cumsum(sign * values > sign * limit)])
        ends = np.flatnonzero(is_full) + 1
        result[is_full] = (beyond[ends] - beyond[ends - lookback]) / lookback
    return result
