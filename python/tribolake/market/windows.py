"""Sums and moments over the last sessions. A value depends on its window only: a longer history changes no bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Values = NDArray[np.float64]
# Windows that are computed at once: so many fit into the cache of a processor.
BLOCK = 256


def over_windows(values: Values, sessions: int, function: Callable[[Values], Values]) -> Values:
    """Apply a function to each window of so many sessions; NaN where the window is not full.

    Args:
        values: one value per session.
        sessions: length of a window.
        function: gets windows × sessions, and returns one value per window.
    """
    result = np.full(len(values), np.nan)
    for at, windows in blocks_of_windows(values, sessions):
        result[at] = function(windows)
    return result


def blocks_of_windows(values: Values, sessions: int) -> Iterator[tuple[slice, Values]]:
    """Cut full windows into blocks. Yields the positions of their last sessions, and windows × sessions."""
    if len(values) >= sessions:
        windows = sliding_window_view(values, sessions)
        for start in range(0, len(windows), BLOCK):
            block = np.ascontiguousarray(windows[start : start + BLOCK])
            end = start + sessions - 1
            yield slice(end, end + len(block)), block


def sums(values: Values, sessions: int) -> Values:
    """Sum each window."""
    return over_windows(values, sessions, lambda windows: windows.sum(axis=1))


def means(values: Values, sessions: int) -> Values:
    """Average each window."""
    return over_windows(values, sessions, lambda windows: windows.mean(axis=1))


def extremes(values: Values, sessions: int, function: np.ufunc) -> Values:
    """Return the least or greatest value of each window, by `np.minimum` or `np.maximum`; NaN where one is missing.

    Two overlapping spans have the extreme of a longer one, so a window takes a few steps instead of one per session.
    """
    result = np.full(len(values), np.nan)
    found, span = values, 1
    while span < sessions and len(found):
        step = min(span, sessions - span)
        found, span = function(found[step:], found[:-step]), span + step
    result[sessions - 1 :] = found
    return result


def ratio(over: Values, under: Values) -> Values:
    """Divide; NaN where the divisor is 0 or either is undefined."""
    result = np.full(len(over), np.nan)
    np.divide(over, under, out=result, where=(under != 0) & np.isfinite(under) & np.isfinite(over))
    return result
