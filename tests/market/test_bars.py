"""Bars are a function of the set of responses: whatever order they arrive in, the last fetched counts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market.small_warehouse import SmallWarehouse, compiled_models, greatest_difference, written

from tribolake.market.sample import (
    Traded,
    after_close,
    as_bytes,
    chart_of,
    key_of,
    random_walk,
    weekdays,
)

SPLIT, PAID = date(2023, 3, 1), date(2023, 2, 8)
SHARE = random_walk("NVDA", 80, splits={SPLIT: 10.0}, dividends={PAID: 0.8, date(2023, 3, 20): 0.1})
DAYS = (date(2023, 2, 10), date(2023, 2, 28), SPLIT, date(2023, 3, 2), date(2023, 4, 14))
ADJUSTED = ("split_close", "split_volume", "adjusted_close", "traded_close")
LAST = DAYS[-1]
KEY = key_of("NVDA", after_close(LAST))
Make = Callable[[], SmallWarehouse]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return compiled_models(written(tmp_path_factory.mktemp("compiled")))


@pytest.fixture(scope="module")
def new(models: dict[str, str]) -> Make:
    return lambda: SmallWarehouse(models, written(Path(tempfile.mkdtemp())))


def response(day: date, since: date | None = None, share: Traded = SHARE) -> tuple[str, bytes]:
    return key_of(share.symbol, after_close(day)), as_bytes(chart_of(share, day, since))


def built(new: Make, *responses: tuple[str, bytes]) -> SmallWarehouse:
    warehouse = new()
    warehouse.deliver(responses)
    return warehouse


def test_last_fetched_counts_and_is_known_since_it_is_so(new: Make):
    """Before the split, 10.02 was served as 100.2: the same price, known since the first fetch."""
    warehouse = built(new, response(DAYS[0]), response(LAST))
    (row,) = warehouse.rows("select * from silver.bars where session_date = '2023-02-09'")
    assert row["close"] == pytest.approx(row["traded_close"] / 10, rel=1e-12)
    assert row["split_close"] == row["close"]  # to the last bit, because its response knows all splits
    assert row["fetched_at"] == after_close(LAST).replace(tzinfo=None)
    assert row["known_from"] == after_close(DAYS[0]).replace(tzinfo=None)
    assert warehouse.rows("select * from silver.bar_corrections") == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Singapore", "Pacific/Auckland", "Europe/London"])
def test_session_is_a_day_in_the_zone_of_the_exchange(new: Make, zone: str):
    share = random_walk("D05.SI", 60, zone=zone)
    key, content = response(date(2023, 3, 1), share=share)
    warehouse = built(new, (key, content))
    found = warehouse.rows("select session_date from silver.bars order by 1")
    assert [row["session_date"] for row in found] == [day for day in share.days if day <= date(2023, 3, 1)]


def test_dividend_lowers_the_prices_before_it(new: Make):
    warehouse = built(new, response(LAST))
    before = warehouse.rows("select * from silver.bars where session_date = '2023-02-07'")[0]
    expected = before["split_close"] * (1 - 0.08 / before["split_close"])
    later = warehouse.rows("select * from silver.bars where session_date = '2023-03-17'")[0]
    expected *= 1 - 0.1 / later["split_close"]
    assert before["adjusted_close"] == pytest.approx(expected, rel=1e-9)
    last = warehouse.rows("select * from silver.bars order by session_date desc limit 1")[0]
    assert last["adjusted_close"] == last["close"]


def test_split_that_a_later_response_withdraws_does_not_count(new: Make):
    wrong = chart_of(random_walk("NVDA", 80, splits={date(2023, 2, 1): 3.0}), DAYS[0])
    warehouse = built(new, (key_of("NVDA", after_close(DAYS[0])), as_bytes(wrong)), response(LAST))
    counted = warehouse.rows("select ex_date from silver.int_events where kind = 'split' and is_counted")
    assert counted == [{"ex_date": SPLIT}]


@pytest.mark.parametrize(("since", "counted"), [(date(2023, 2, 1), []), (date(2023, 2, 2), [date(2023, 2, 1)])])
def test_response_that_begins_on_the_day_of_a_split_decides(new: Make, since: date, counted: list[date]):
    wrong = chart_of(random_walk("NVDA", 80, splits={date(2023, 2, 1): 3.0}), DAYS[0])
    warehouse = built(new, (key_of("NVDA", after_close(DAYS[0])), as_bytes(wrong)), response(DAYS[1], since))
    found = warehouse.rows("select ex_date from silver.int_events where kind = 'split' and is_counted")
    assert [row["ex_date"] for row in found] == counted


def test_split_counts_from_its_day_on_and_not_before_it_comes(new: Make):
    announced = chart_of(SHARE, DAYS[1])
    events = announced["chart"]["result"][0]["events"]
    events["splits"] = chart_of(SHARE, LAST)["chart"]["result"][0]["events"]["splits"]
    warehouse = built(new, (key_of("NVDA", after_close(DAYS[1])), as_bytes(announced)))
    assert warehouse.rows("select * from silver.bars where split_close <> close or traded_close <> close") == []
    warehouse.deliver([response(LAST)])
    days = warehouse.rows("select max(session_date) as last from silver.bars where traded_close > 2 * close")
    assert days == [{"last": max(day for day in SHARE.days if day < SPLIT)}]


def test_response_that_begins_after_a_split_says_nothing_of_it(new: Make):
    late = chart_of(SHARE, LAST, since=date(2023, 3, 2))
    warehouse = built(new, response(SPLIT), (KEY, as_bytes(late)))
    whole = built(new, response(LAST))
    assert greatest_difference(warehouse.table("bars"), whole.table("bars"), ADJUSTED) < 1e-6


def test_correction_is_a_row_and_rounding_is_none(new: Make):
    chart = chart_of(SHARE, LAST)
    quote = chart["chart"]["result"][0]["indicators"]["quote"][0]
    quote["close"][5] *= 1 + 5e-7
    quote["low"][7] *= 1 - 2e-6
    quote["volume"][9] += 1000
    warehouse = built(new, response(DAYS[0]), (KEY, as_bytes(chart)))
    found = warehouse.rows("select * from silver.bar_corrections order by session_date")
    assert [row["session_date"] for row in found] == [SHARE.days[7], SHARE.days[9]]
    assert found[0]["low_after"] == pytest.approx(found[0]["low_before"] * (1 - 2e-6), rel=3e-7)
    assert found[0]["corrected_at"] == after_close(LAST).replace(tzinfo=None)
    (bar,) = warehouse.rows(f"select known_from from silver.bars where session_date = '{SHARE.days[7]}'")
    assert bar["known_from"] == after_close(LAST).replace(tzinfo=None)


def test_correction_touches_its_ticker_from_its_session_on(new: Make):
    other = random_walk("AMD", 80, seed=5)
    warehouse = built(new, response(DAYS[3]), response(LAST, share=other))
    before = [warehouse.indicators(ticker) for ticker in ("NVDA", "AMD")]
    chart = chart_of(SHARE, DAYS[3])
    chart["chart"]["result"][0]["indicators"]["quote"][0]["close"][30] *= 1.002
    warehouse.deliver([(key_of("NVDA", after_close(DAYS[3] + timedelta(days=1))), as_bytes(chart))])
    assert warehouse.rows("select ticker from changes.touched_tickers") == [{"ticker": "NVDA"}]
    after = [warehouse.indicators(ticker) for ticker in ("NVDA", "AMD")]
    assert after[1].equals(before[1])
    assert after[0].slice(0, 30).equals(before[0].slice(0, 30)) and not after[0].equals(before[0])


RESPONSES = [
    *(response(day) for day in DAYS),
    response(date(2023, 3, 31), date(2023, 2, 20)),
    response(LAST + timedelta(days=1)),
    response(LAST, share=random_walk("AMD", 80, seed=5, splits={SPLIT: 2.0})),
]


@cases(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(RESPONSES), st.lists(st.integers(0, len(RESPONSES)), max_size=3))
def test_order_batches_and_duplicates_change_no_bit(new: Make, order: list[tuple[str, bytes]], cuts: list[int]):
    whole, parts = built(new, *RESPONSES), new()
    edges = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(edges):
        # The response before arrives again.
        parts.deliver(order[max(start - 1, 0) : end])
    assert all(one.equals(other) for one, other in zip(parts.everything(), whole.everything(), strict=True))


@cases(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 78), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(0, 60), min_size=5, max_size=5),
)
def test_other_ranges_and_cuts_give_the_same_prices(new: Make, days: list[int], since: list[int]):
    """A split that is fetched before or after any cut changes no adjusted price, so no return and no RSI.

    A range begins at the last fetched session or before: what happens in a gap, no response names.
    """
    ends = [0, *sorted(days), len(SHARE.days)]
    ranges = [(end, min(first, before)) for before, end, first in zip(ends, ends[1:], since, strict=False)]
    warehouse = built(
        new,
        response(SHARE.days[0]),
        *(response(SHARE.days[end], SHARE.days[first]) for end, first in ranges[:-1]),
        response(LAST + timedelta(days=9), SHARE.days[ranges[-1][1]]),
    )
    whole = built(new, response(LAST + timedelta(days=9)))
    found, expected = warehouse.table("bars"), whole.table("bars")
    assert greatest_difference(found, expected, ADJUSTED) < 1e-6
    assert greatest_difference(warehouse.indicators("NVDA"), whole.indicators("NVDA"), ["rsi_14"]) < 1e-5


def result(chart: dict[str, Any]) -> dict[str, Any]:
    return chart["chart"]["result"][0]


def quote(chart: dict[str, Any]) -> dict[str, Any]:
    return result(chart)["indicators"]["quote"][0]


def test_bar_without_volume_or_adjusted_close_stays(new: Make):
    chart = chart_of(SHARE, LAST)
    result(chart)["indicators"].pop("adjclose")
    quote(chart)["volume"][9] = None
    warehouse = built(new, (KEY, as_bytes(chart)))
    assert len(warehouse.table("bars")) == 75 and not len(warehouse.table("rejected_bars"))


def test_unsorted_times_give_the_same_bars(new: Make):
    chart = chart_of(SHARE, LAST)
    for values in (result(chart)["timestamp"], *quote(chart).values()):
        values.reverse()
    result(chart)["indicators"].pop("adjclose")
    turned, straight = built(new, (KEY, as_bytes(chart))), built(new, response(LAST))
    same = "select ticker, session_date, close, adjusted_close from silver.bars order by session_date"
    assert turned.rows(same) == straight.rows(same)


@pytest.mark.parametrize(("hours", "reason"), [(-4, "session_unfinished"), (0, None)])
def test_bar_of_today_waits_for_the_end_of_the_session(new: Make, hours: int, reason: str | None):
    key = key_of("NVDA", after_close(LAST) + timedelta(hours=hours))
    warehouse = built(new, (key, as_bytes(chart_of(SHARE, LAST))))
    rejected = warehouse.rows("select reason, session_date from silver.rejected_bars")
    assert rejected == ([{"reason": reason, "session_date": LAST}] if reason else [])


def test_good_bar_of_an_earlier_response_outlives_a_hole(new: Make):
    chart = chart_of(SHARE, LAST)
    quote(chart)["close"][9] = None
    warehouse = built(new, response(DAYS[0]), (KEY, as_bytes(chart)))
    (row,) = warehouse.rows(f"select fetched_at from silver.bars where session_date = '{SHARE.days[9]}'")
    assert row["fetched_at"] == after_close(DAYS[0]).replace(tzinfo=None)


def test_raw_object_that_was_written_over_is_told(new: Make):
    warehouse = built(new, response(LAST))
    warehouse.deliver([(KEY, as_bytes(chart_of(SHARE, DAYS[3])))])
    messages = [row["message"] for row in warehouse.rows("select message from bronze.raw_responses order by rows_read")]
    assert "written over" in messages[0] and messages[1] is None


@pytest.mark.parametrize("change", [1.01, 1.02, 1.03, 1.04, 1.05, 1.06])
def test_second_object_of_a_second_counts_after_the_first(new: Make, change: float):
    chart = chart_of(SHARE, LAST)
    quote(chart)["high"][9] *= change
    warehouse = built(new, response(LAST), (key_of("NVDA", after_close(LAST), 2), as_bytes(chart)))
    (row,) = warehouse.rows(f"select high, file_key from silver.bars where session_date = '{SHARE.days[9]}'")
    assert row["high"] == quote(chart)["high"][9] and row["file_key"].endswith("_2.json")


def test_fall_of_half_is_a_price_and_no_split(new: Make):
    """Yahoo's users repair such falls. AAPL fell by 52 % on 2000-09-29 because it did."""
    close = [100.0] * 10 + [48.0] * 10
    share = Traded("AAPL", weekdays(20, date(2000, 9, 18)), close, close, close, close, [1e6] * 20)
    warehouse = built(new, response(share.days[-1], share=share))
    found = warehouse.rows("select adjusted_close from silver.bars order by session_date")
    assert [row["adjusted_close"] for row in found] == close
