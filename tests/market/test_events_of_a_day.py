"""Several splits, dividends and capital gains of one day: what they make of the prices before it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market.small_warehouse import SmallWarehouse, compiled_models, greatest_difference, written

from tribolake.market.sample import NEW_YORK, after_close, as_bytes, chart_of, key_of, opening_time, random_walk

DAY, LAST = date(2023, 2, 8), date(2023, 4, 14)
SHARE = random_walk("NVDA", 80)
BEFORE = "select close, split_close, adjusted_close from silver.bars where session_date = '2023-02-07'"
Make = Callable[[], SmallWarehouse]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models = compiled_models(written(tmp_path_factory.mktemp("compiled")))
    return lambda: SmallWarehouse(models, written(Path(tempfile.mkdtemp())))


def built(new: Make, **events: list[dict[str, Any]]) -> SmallWarehouse:
    """Build one response with events of the day, a second apart."""
    chart, at = chart_of(SHARE, LAST), opening_time(DAY, NEW_YORK)
    chart["chart"]["result"][0]["events"] = {
        kind: {str(at + number): {"date": at + number} | one for number, one in enumerate(listed)}
        for kind, listed in events.items()
    }
    warehouse = new()
    warehouse.deliver([(key_of("NVDA", after_close(LAST)), as_bytes(chart))])
    return warehouse


@cases(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0.01, 9), min_size=1, max_size=5), st.randoms())
@example([0.5, 0.25], Random(1))  # noqa: S311 - shuffles
def test_dividends_of_a_day_are_added_in_any_order(new: Make, amounts: list[float], random: Any):
    (row,) = built(new, dividends=[{"amount": amount} for amount in amounts]).rows(BEFORE)
    assert row["adjusted_close"] == pytest.approx(row["split_close"] - sum(amounts), rel=1e-12)
    random.shuffle(amounts)
    (again,) = built(new, dividends=[{"amount": amount} for amount in amounts]).rows(BEFORE)
    assert again["adjusted_close"] == pytest.approx(row["adjusted_close"], rel=1e-12)


@cases(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=3))
@example([(1, 10), (10, 1)])
@example([(3, 2), (3, 2)])
def test_splits_of_a_day_are_multiplied(new: Make, ratios: list[tuple[int, int]]):
    """A reverse split and a split of one day, which end small holdings, leave the price as it is."""
    warehouse = built(new, splits=[{"numerator": up, "denominator": down} for up, down in ratios])
    (row,) = warehouse.rows("select traded_close, close from silver.int_revised_bars where session_date = '2023-02-07'")
    assert row["traded_close"] == pytest.approx(row["close"] * prod(up / down for up, down in ratios), rel=1e-12)


@pytest.mark.parametrize(
    ("dividends", "gains", "counted"),
    [
        ([], [6.42], 6.42),
        ([7.857], [6.42], 7.857),  # VWILX on 2025-12-17: the dividend has the gains in it
        ([6.42], [6.42], 6.42),
        ([6.41], [6.4195], 6.41),  # it does so too, rounded to cents
        ([1.437], [6.42], 7.857),
        ([1.0, 0.437], [6.0, 0.42], 7.857),
        ([4.0, 3.857], [6.0, 0.42], 7.857),
        ([0.0], [6.42], 6.42),
        ([1.437], [], 1.437),
    ],
)
def test_capital_gains_are_counted_once(new: Make, dividends: list[float], gains: list[float], counted: float):
    paid = {"dividends": dividends, "capitalGains": gains}
    warehouse = built(new, **{kind: [{"amount": one} for one in amounts] for kind, amounts in paid.items()})
    (row,) = warehouse.rows(BEFORE)
    assert row["adjusted_close"] == pytest.approx(row["split_close"] - counted, rel=1e-12)
    found = warehouse.rows("select session_date, value from silver.quality_findings where rule = 'gains_in_dividend'")
    is_in_it = bool(gains) and sum(dividends) > 0.99 * sum(gains)
    assert found == ([{"session_date": DAY, "value": sum(gains) / sum(dividends)}] if is_in_it else [])


@pytest.mark.parametrize(("currency", "counted"), [("", 1.5), (None, 1.5), ("USD", 1.5), ("EUR", 1.0)])
def test_payment_counts_in_the_currency_of_the_prices(new: Make, currency: str | None, counted: float):
    """Yahoo leaves the currency of dividends empty at times."""
    (row,) = built(new, dividends=[{"amount": 1.0}, {"amount": 0.5, "currency": currency}]).rows(BEFORE)
    assert row["adjusted_close"] == pytest.approx(row["split_close"] - counted, rel=1e-12)


@pytest.mark.slow
@cases(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([0.1, 1.5, 0.05, 10.0, 2.0]), min_size=1, max_size=3),
    st.lists(st.integers(2, 70), min_size=6, max_size=6, unique=True),
    st.integers(1, 70),
)
@example([0.1], [42, 50, 51, 52, 53, 54], 40)
def test_reverse_and_uneven_splits_with_dividends_are_undone(new: Make, ratios: list[float], days: list[int], cut: int):
    """Fetched on any day, and in part at the end: the prices of a whole response at the end, and no correction."""
    splits = {SHARE.days[day]: ratio for ratio, day in zip(ratios, days, strict=False)}
    share = random_walk("NVDA", 80, splits=splits, dividends={SHARE.days[day]: 0.2 for day in days[3:]})
    keys = [key_of("NVDA", after_close(day)) for day in (SHARE.days[cut], LAST)]
    # What the first response alone has keeps its bars, and what both have is compared.
    early, late = chart_of(share, SHARE.days[cut]), chart_of(share, LAST, SHARE.days[cut // 2])
    parts, whole = new(), new()
    parts.deliver([(keys[0], as_bytes(early)), (keys[1], as_bytes(late))])
    whole.deliver([(keys[1], as_bytes(chart_of(share, LAST)))])
    assert parts.rows("select * from silver.bar_corrections") == []
    names = ("traded_close", "split_close", "adjusted_close")
    tables = [one.connection.execute(TRADED).to_arrow_table() for one in (parts, whole)]
    assert greatest_difference(*tables, names) < 2e-6


TRADED = """
    select session_date, traded_close, split_close, split_close * dividend_ratio as adjusted_close
    from silver.int_split_bars order by session_date
"""
