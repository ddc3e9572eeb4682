"""A formula names all prices that its value depends on, and how many sessions of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market.small_warehouse import REFERENCE, TEXTBOOK

from tribolake.market.formulas import PRICES, formula_of
from tribolake.market.indicators import INDICATORS, Bars, Computation, compute_indicators

BARS = 430


def made_up(seed: int) -> Bars:
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.02, BARS)))
    opening = close * np.exp(random.normal(0, 0.01, BARS))
    high, low = np.maximum(opening, close) * 1.01, np.minimum(opening, close) * 0.99
    return Bars(opening, high, low, close, random.integers(1000, 10**6, BARS).astype(float))


@pytest.mark.parametrize("computation", [TEXTBOOK, REFERENCE], ids=["1.0", "reference"])
@pytest.mark.parametrize("name", INDICATORS)
@cases(max_examples=3)
@given(st.integers(0, 2**32), st.integers(0, BARS))
def test_formula_names_all_that_its_value_depends_on(name: str, computation: Computation, seed: int, back: int):
    """A price that a formula does not name changes nothing, and the earliest that it names changes the value.

    TA-Lib's sums run on: what left a window may change the last bits.
    """
    bars, reads = made_up(seed), formula_of(name, computation).reads
    value = compute_indicators(bars, computation)[name][-1]

    def with_other(price: str, position: int) -> float:
        values = getattr(bars, price).copy()
        values[position] *= 1.5
        return float(compute_indicators(replace(bars, **{price: values}), computation)[name][-1])

    for price in PRICES:
        count = reads.get(price, 0)
        if count is not None and count < BARS:
            other = with_other(price, max(BARS - count - 1 - back, 0))
            assert other == pytest.approx(value, rel=1e-9, abs=1e-9)
    counts = [count for count in reads.values() if count is not None]
    if len(counts) == len(reads) and name != "uncertainty_score":  # its parts are cut at 100
        earliest = max(counts)
        changed = [with_other(price, BARS - earliest) for price in reads if reads[price] == earliest]
        assert any(abs(other - value) > 1e-9 for other in changed)


def test_every_indicator_has_a_formula():
    for computation in (TEXTBOOK, REFERENCE):
        assert all(formula_of(name, computation).text for name in INDICATORS)
