"""Compute percentiles of many groups at once, with distribution-free confidence intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class GroupedPercentiles:
    """Percentiles of G groups at P levels. `low` and `high` are NaN where the sample is too small to bound them."""

    n: Integers  # (G,)
    n_distinct: Integers  # (G,) distinct values
    values: Floats  # (G, P)
    low: Floats  # (G, P)
    high: Floats  # (G, P)


def grouped_percentiles(
    group: Integers, value: Floats, levels: Floats, groups: int, confidence: float = 0.95
) -> GroupedPercentiles:
    """Compute percentiles of each group by linear interpolation between order statistics.

    The arithmetic is that of `numpy.percentile` (method "linear", Hyndman and Fan 1996, type 7), step by step, so that
    a limit rounded up afterwards is the same number to the last bit.

    Args:
        group: (N,) group of each value, 0 ≤ group < groups.
        value: (N,) values, no NaN.
        levels: (P,) percentile levels between 0 and 1.
        groups: number of groups G. A group without values has n = 0 and NaN percentiles.
        confidence: of the interval around each percentile, for any distribution.

    Returns:
        The percentiles with their confidence intervals.
    """
    by_value = np.argsort(value, kind="stable")
    order = by_value[np.argsort(group[by_value], kind="stable")]
    ordered = value[order]
    n = np.bincount(group, minlength=groups).astype(np.int64)
    start = np.concatenate(([0], np.cumsum(n)[:-1]))
    present = n > 0

    def order_statistic(rank: Integers) -> Floats:
        """Return the value at a zero-based rank (G, P) of each group, NaN outside the group."""
        inside = (rank >= 0) & (rank < n[:, None])
        if not ordered.size:
            return np.full(rank.shape, np.nan)
        at = np.where(inside, start[:, None] + rank, 0)
        return np.where(inside, ordered[at], np.nan)

    position = np.where(present[:, None], (n[:, None] - 1) * levels, 0.0)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, n[:, None] - 1)
    values = _interpolate(order_statistic(below), order_statistic(above), position - below)
    low_rank, high_rank = interval_ranks(n, levels, confidence)
    return GroupedPercentiles(
        n,
        _count_distinct(group[order], ordered, groups),
        values,
        order_statistic(low_rank - 1),
        order_statistic(high_rank - 1),
    )


def _count_distinct(group: Integers, value: Floats, groups: int) -> Integers:
    """Count the distinct values of each group, from rows in the order of group and value."""
    is_new = np.ones(len(value), dtype=bool)
    is_new[1:] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
    return np.bincount(group[is_new], minlength=groups)


def interval_ranks(n: Integers, levels: Floats, confidence: float) -> tuple[Integers, Integers]:
    """Return the ranks (one-based) of the order statistics that bound a percentile with at least this confidence.

    The number of values below the true percentile is binomial whatever the distribution (Conover 1999, section 3.2).
    Rank 0, or a rank above n, means that so few values do not bound it.

    Args:
        n: (G,) sizes.
        levels: (P,) percentile levels between 0 and 1.
        confidence: for instance 0.95.

    Returns:
        (G, P) lower and upper ranks.
    """
    tail = (1 - confidence) / 2
    distinct, group = np.unique(n, return_inverse=True)
    sizes = distinct[:, None].astype(np.float64)
    probability = np.broadcast_to(levels, (len(distinct), len(levels)))
    low = _binomial_quantile(tail, sizes, probability)
    high = _binomial_quantile(1 - tail, sizes, probability) + 1
    return low[group], high[group]


def _interpolate(lower: Floats, upper: Floats, weight: Floats) -> Floats:
    step = upper - lower
    return np.where(weight < 0.5, lower + step * weight, upper - step * (1 - weight))


def _binomial_quantile(q: float, n: Floats, p: Floats) -> Integers:
    """Return the smallest count whose cumulative binomial probability reaches q, 0 where n is 0."""
    filled = np.maximum(n, 1)
    count = np.ceil(np.nan_to_num(bdtrik(q, filled, p)))
    one_less = np.maximum(count - 1, 0)
    count = np.where(bdtr(one_less, filled.astype(np.int64), p) >= q, one_less, count)
    return np.where(n > 0, np.clip(count, 0, filled), 0).astype(np.int64)
