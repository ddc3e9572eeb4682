"""Test what may be asked of limits, and the row of a seed that an answer becomes."""

from __future__ import annotations

import csv
import io
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.apart import choice_of
from tribolake.oil.limits.choice import NONE, Choice, LimitGroup, as_seed, seed_row
from tribolake.oil.seeds import read_seed
from tribolake.settings import PROJECT_DIR

GROUP = LimitGroup("CDA", "model", "camion", "789c", "motor", "Hierro", "ppm")
NUMBER = st.none() | st.floats(allow_nan=True, allow_infinity=True)
NUMBERS = st.tuples(NUMBER, NUMBER, NUMBER)


def is_refused(choice: Choice) -> bool:
    try:
        choice.check()
    except ConfigurationError:
        return True
    return False


@given(upper=NUMBERS, lower=NUMBERS)
def test_limits_rise_and_lower_ones_fall_or_are_refused(upper, lower):
    """What is not refused fits the rule of the seed's own test, and the order of the limits that a run publishes."""

    def rises(numbers: tuple[float | None, ...], sign: int) -> bool:
        given = [sign * number for number in numbers if number is not None]
        is_whole = numbers[: len(given)] == tuple(sign * one for one in given)
        return is_whole and all(a < b for a, b in pairwise(given))

    every = [number for number in (*upper, *lower) if number is not None]
    fits = (
        bool(every)
        and all(math.isfinite(number) and abs(number) <= 1e9 for number in every)
        and (upper[0] is not None or lower[0] is not None)
        and rises(upper, 1)
        and rises(lower, -1)
        and (upper[0] is None or lower[0] is None or lower[0] < upper[0])
    )
    assert is_refused(Choice(GROUP, upper, lower)) != fits


@given(percentiles=NUMBERS)
def test_percentiles_rise_between_their_bounds_or_are_refused(percentiles):
    asked = [number for number in percentiles if number is not None]
    fits = bool(asked) and all(0 < number < 100 for number in asked) and asked == sorted(set(asked))
    assert is_refused(Choice(GROUP, percentiles=percentiles)) != fits


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e308, -1e308])
def test_number_that_is_no_limit_is_refused(number):
    assert is_refused(Choice(GROUP, upper=(number, None, None)))
    assert is_refused(Choice(GROUP, upper=(1.0, 2.0, number)))
    assert is_refused(Choice(GROUP, lower=(number, None, None)))
    assert is_refused(Choice(GROUP, percentiles=(number, None, None)))


def test_limits_and_percentiles_together_are_refused():
    assert is_refused(Choice(GROUP, upper=(1.0, None, None), percentiles=(50.0, None, None)))


PRINTED = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)


@given(upper=st.floats(0.001, 1e9), names=st.lists(PRINTED, min_size=4, max_size=4))
def test_seed_row_has_the_columns_of_its_seed_and_its_digits(upper, names):
    """Names with commas and quotes stay one cell."""
    group = LimitGroup("CDA", "model", *names, unit="ppm")
    row = seed_row(group, "default", (upper, None, None), NONE, "reason", "source")
    (read,) = csv.DictReader(io.StringIO(as_seed(row).decode(), newline=""))
    header = (PROJECT_DIR / "seeds" / "oil" / "policy_limits.csv").read_text(encoding="utf-8").splitlines()[0]
    assert list(read) == header.split(",")
    assert float(read["marginal"]) == pytest.approx(upper, rel=1e-14)
    assert [read[name] for name in ("machine", "machine_model", "component", "essay")] == names
    assert (read["condenatorio"], read["lower_marginal"]) == ("", "")


@given(upper=NUMBERS, lower=NUMBERS, percentiles=NUMBERS, policy=st.text(max_size=9))
def test_choice_survives_the_way_to_another_process(upper, lower, percentiles, policy):
    for choice in (Choice(GROUP, upper, lower, percentiles, policy), Choice(policy=policy)):
        said = {"group": choice.group and dict(choice.group.__dict__)}
        said |= {name: list(getattr(choice, name)) for name in ("upper", "lower", "percentiles")}
        assert repr(choice_of(said | {"policy": choice.policy})) == repr(choice)


def test_policies_that_can_be_asked_for_are_those_of_the_seed():
    assert {row["policy"] for row in read_seed("policy_limits")} <= {row["policy"] for row in read_seed("policies")}
