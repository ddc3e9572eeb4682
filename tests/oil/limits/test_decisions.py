"""Test that limits are calculated again for a reason, which is recorded with its numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tribolake.oil.limits.decisions import Rules, decide
from tribolake.oil.limits.shift import grouped_shifts

NOW = datetime(2026, 2, 1, tzinfo=UTC)
RULES = Rules(growth=0.1, last_days=7, significance=0.05)
VALUES = pa.schema(
    [
        ("client", pa.string()),
        ("machine", pa.string()),
        ("component", pa.string()),
        ("essay", pa.string()),
        ("cell", pa.int64()),
        ("value", pa.float64()),
        ("is_new", pa.bool_()),
    ]
)
NO_VALUES = VALUES.empty_table()


def group(n_before: int | None, n_now: int, days: float = 1, n_new: int = 0, component: str = "motor") -> dict:
    return {
        "client": "CDA", "machine": "camion", "component": component, "n_before": n_before, "n_now": n_now,
        "n_new": n_new, "has_new_points": False,
        "calculated_before": None if n_before is None else NOW - timedelta(days=days),
    }  # fmt: skip


def reason(one: dict, values: pa.Table = NO_VALUES, *, is_asked_for: bool = False) -> str:
    found = decide(
        pa.Table.from_pylist([one]), values, RULES, run_id="r", requested_at=NOW, is_asked_for=is_asked_for
    ).to_pylist()[0]
    assert found["is_recalculated"] == (found["reason"] != "kept")
    assert (found["n_before"], found["n_now"]) == (one["n_before"], one["n_now"])
    return found["reason"]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (group(None, 3), "new group"),
        (group(None, 0), "kept"),
        (group(20, 0), "no samples left"),
        (group(100, 110), "kept"),
        (group(100, 111), "samples +11%"),
        (group(100, 89), "samples -11%"),
        (group(100, 100, days=7), "kept"),
        (group(100, 100, days=7.01), "older than 7 days"),
    ],
)
def test_limits_of_a_group_are_calculated_for_a_reason_only(one, why):
    assert reason(one) == why


def test_request_calculates_every_group():
    assert reason(group(100, 100), is_asked_for=True) == "asked for"


def values(
    old: list[float], new: list[float], essay: str = "Hierro", component: str = "motor", cell: int = 1
) -> pa.Table:
    both = [(value, False) for value in old] + [(value, True) for value in new]
    return pa.Table.from_pylist(
        [
            {"client": "CDA", "machine": "camion", "component": component, "essay": essay, "cell": cell,
             "value": float(value), "is_new": is_new}
            for value, is_new in both
        ]
    )  # fmt: skip


def test_shifted_distribution_names_its_essay():
    old, new = list(range(200)), list(range(150, 166))
    assert reason(group(200, 216, n_new=16), values(old, new)) == "Hierro shifted"


def test_same_distribution_keeps_the_limits():
    assert reason(group(200, 215, n_new=15), values(list(range(200)), list(range(0, 195, 13)))) == "kept"


def test_shift_by_chance_among_many_comparisons_is_ignored():
    old, new = list(range(100)), list(range(60, 70))  # p is about 0.005 alone
    alone = values(old, new)
    assert reason(group(100, 110, n_new=10), alone) == "Hierro shifted"
    others = [values(old, old[::10], f"E{at}", "rueda", cell=at + 2) for at in range(40)]
    assert reason(group(100, 110, n_new=10), pa.concat_tables([alone, *others])) == "kept"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 30), min_size=8, max_size=80), st.lists(st.integers(0, 40), min_size=8, max_size=80)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_shifts_agree_with_scipy_where_they_decide(pairs):
    group_of, value, is_new = [], [], []
    for at, (old, new) in enumerate(pairs):
        group_of += [at] * (len(old) + len(new))
        value += [*old, *new]
        is_new += [False] * len(old) + [True] * len(new)
    found = grouped_shifts(np.array(group_of), np.array(value, float), np.array(is_new), len(pairs))
    for at, (old, new) in enumerate(pairs):
        expected = stats.ks_2samp(old, new, method="exact")
        assert found.statistic[at] == pytest.approx(expected.statistic)
        if min(expected.pvalue, found.p_value[at]) < 0.05:  # where it decides
            # The worst of all sizes from 8 up is 8 and 8, with 0.050 for 0.087, then 10 and 10, with 0.021.
            assert found.p_value[at] == pytest.approx(expected.pvalue, abs=0.04)
    assert found.n_old.tolist() == [len(old) for old, _ in pairs]


def test_group_without_old_or_new_values_does_not_shift():
    found = grouped_shifts(np.array([0, 0, 2]), np.array([1.0, 2.0, 3.0]), np.array([True, True, False]), 3)
    assert found.p_value.tolist() == [1, 1, 1]
    assert found.statistic.tolist() == [0, 0, 0]
