"""Test that percentiles of many groups equal those of numpy, and the coverage of their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binom

from tribolake.oil.limits.percentiles import grouped_percentiles, interval_ranks

LEVELS = np.array([0.02, 0.05, 0.10, 0.90, 0.95, 0.98])

observations = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 4)),
        hnp.arrays(np.float64, n, elements=st.one_of(st.integers(0, 50).map(float), st.floats(0, 1e6))),
    )
)


@given(observations)
def test_percentiles_equal_those_of_numpy_to_the_last_bit(drawn):
    group, value = drawn
    found = grouped_percentiles(group, value, LEVELS, groups=5)
    for number in range(5):
        members = value[group == number]
        assert found.n[number] == len(members)
        if len(members):
            assert (found.values[number] == np.percentile(members, LEVELS * 100)).all()
        else:
            assert np.isnan(found.values[number]).all()


@given(observations, st.randoms(use_true_random=False))
def test_percentiles_do_not_depend_on_the_row_order(drawn, random):
    group, value = drawn
    order = list(range(len(group)))
    random.shuffle(order)
    first = grouped_percentiles(group, value, LEVELS, groups=5)
    second = grouped_percentiles(group[order], value[order], LEVELS, groups=5)
    for name in ("n", "values", "low", "high"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("n", [1, 29, 30, 59, 60, 149, 150, 1000])
def test_interval_has_the_fewest_ranks_that_cover_95_percent(n):
    low, high = interval_ranks(np.array([n]), LEVELS, 0.95)
    for at, p in enumerate(LEVELS):
        lower, upper = int(low[0, at]), int(high[0, at])
        below = binom.cdf(lower - 1, n, p) if lower else 0.0
        above = 1 - binom.cdf(upper - 1, n, p) if upper <= n else 0.0
        assert below <= 0.025 + 1e-12
        assert above <= 0.025 + 1e-12
        assert binom.cdf(lower, n, p) > 0.025  # the next higher rank does not suffice
        assert upper == 1 or 1 - binom.cdf(upper - 2, n, p) > 0.025  # nor the next lower one


def test_high_percentile_of_few_values_has_no_upper_bound():
    value = np.arange(50, dtype=float)
    found = grouped_percentiles(np.zeros(50, dtype=np.int64), value, LEVELS, groups=1)
    assert np.isnan(found.high[0, -1])
    assert found.low[0, -1] <= found.values[0, -1]


def test_no_values_give_no_percentiles():
    found = grouped_percentiles(np.empty(0, dtype=np.int64), np.empty(0), LEVELS, groups=0)
    assert found.values.shape == (0, 6)
