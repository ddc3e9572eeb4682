"""Sums and moments over the last sessions. A value depends on its window only: a longer history changes no bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Values = NDArray[np.float64]
# Rows of windows that are held in memory at once.
BLOCK = 4096


def over_windows(values: Values, sessions: int, function: Callable[[Values], Values]) -> Values:
    """Apply a function to each window of so many sessions; NaN where the window is not full.

    Args:
        values: one value per session.
        sessions: length of a window.
        function: gets windows × sessions, and returns one value per window.
    """
    result = np.full(len(values), np.nan)
    if len(values) >= sessions:
        windows = sliding_window_view(values, sessions)
        for start in range(0, len(windows), BLOCK):
            block = np.ascontiguousarray(windows[start : start + BLOCK])
            result[start + sessions - 1 : start + sessions - 1 + len(block)] = function(block)
    return result


def sums(values: Values, sessions: int) -> Values:
    """Sum each window."""
    return over_windows(values, sessions, lambda windows: windows.sum(axis=1))


def means(values: Values, sessions: int) -> Values:
    """Average each window."""
    return over_windows(values, sessions, lambda windows: windows.mean(axis=1))


def ratio(over: Values, under: Values) -> Values:
    """Divide; NaN where the divisor is 0 or either is undefined."""
    result = np.full(len(over), np.nan)
    np.divide(over, under, out=result, where=(under != 0) & np.isfinite(under) & np.isfinite(over))
    return result
