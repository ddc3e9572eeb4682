"""Where a value stands among those of the last sessions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tribolake.market.windows import Values, over_windows

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
    return {
        "percentile": over_windows(values, lookback, _rank),
        "mean": over_windows(values, lookback, lambda windows: windows.mean(axis=1)),
        "std": over_windows(values, lookback, lambda windows: windows.std(axis=1)),
        "minimum": over_windows(values, lookback, lambda windows: windows.min(axis=1)),
        "maximum": over_windows(values, lookback, lambda windows: windows.max(axis=1)),
        "frequency_below": _frequency(values, threshold.lower, lookback, -1),
        "frequency_above": _frequency(values, threshold.upper, lookback, 1),
    }


def _rank(windows: Values) -> Values:
    value = windows[:, -1:]
    below, up_to = (windows < value).sum(axis=1), (windows <= value).sum(axis=1)
    rank: Values = (below + up_to + 1) * (50 / windows.shape[1])
    return np.where(np.isnan(windows).any(axis=1), np.nan, rank)


def _frequency(values: Values, limit: float | None, lookback: int, sign: int) -> Values:
    if limit is None:
        return np.full(len(values), np.nan)
    return over_windows(
        values,
        lookback,
        lambda windows: np.where(
            np.isnan(windows).any(axis=1), np.nan, (sign * windows > sign * limit).sum(axis=1) / windows.shape[1]
        ),
    )
