"""Test whether distributions shifted: the two-sample Kolmogorov-Smirnov test for many groups at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from tribolake.oil.limits.percentiles import Floats, Integers


@dataclass(frozen=True)
class Shifts:
    """The test of G groups: sizes of both samples, largest distance of their distributions, its p-value."""

    n_old: Integers  # (G,)
    n_new: Integers  # (G,)
    statistic: Floats  # (G,) 0 to 1, 0 where a sample is empty
    p_value: Floats  # (G,) 1 where a sample is empty


def grouped_shifts(group: Integers, value: Floats, is_new: NDArray[np.bool_], groups: int) -> Shifts:
    """Compare the new values of each group with its old ones.

    The p-value is the asymptotic one with the small-sample correction of Stephens (1970). Below 0.05 it is within 0.02
    of the exact one, except for the smallest samples (0.04 at 8 and 8 values). With ties, which are frequent in whole
    ppm, it errs on the side of no shift.

    Args:
        group: (N,) group of each value, 0 ≤ group < groups.
        value: (N,) values, no NaN.
        is_new: (N,) which sample a value belongs to.
        groups: number of groups G.
    """
    order = np.lexsort((value, group))
    group, value, is_new = group[order], value[order], is_new[order]
    n = np.bincount(group, minlength=groups)
    n_new = np.bincount(group[is_new], minlength=groups)
    n_old = n - n_new
    statistic = np.zeros(groups)
    if len(value):
        start = np.concatenate(([0], np.cumsum(n)[:-1]))
        new_below: Integers = np.cumsum(is_new) - np.concatenate(([0], np.cumsum(n_new)[:-1]))[group]
        below = np.arange(1, len(value) + 1) - start[group]
        is_last_of_ties = np.ones(len(value), dtype=bool)
        is_last_of_ties[:-1] = (group[1:] != group[:-1]) | (value[1:] != value[:-1])
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(new_below / n_new[group] - (below - new_below) / n_old[group])
        distance = np.where(is_last_of_ties & (n_new > 0)[group] & (n_old > 0)[group], distance, 0.0)
        np.maximum.at(statistic, group, distance)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.where(n > 0, n_old * n_new / np.maximum(n, 1), 0.0))
        scaled = (root + 0.12 + 0.11 / root) * statistic
    p_value = np.where((n_old > 0) & (n_new > 0), kolmogorov(np.nan_to_num(scaled, posinf=0.0)), 1.0)
    return Shifts(n_old, n_new, statistic, p_value)
