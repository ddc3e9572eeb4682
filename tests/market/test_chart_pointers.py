"""Pointers into chart JSON find what stands there, and nothing where the document is not as expected."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.market.chart_pointers import event_at, number_at, price_pointer, read_chart
from tribolake.market.sample import NEW_YORK, chart_of, opening_time, random_walk

SPLIT = date(2023, 2, 1)
CHART = chart_of(random_walk("NVDA", 60, splits={SPLIT: 4.0}), date(2023, 3, 20))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_events_of_one_second_are_found_by_their_values():
    """Yahoo keys events by their second. A file that was merged has other keys, also with a slash or a tilde."""
    document = json.loads(json.dumps(CHART))
    at = opening_time(SPLIT, NEW_YORK)
    events = document["chart"]["result"][0]["events"]
    events["dividends"] = {"a/b~c": {"amount": "0.5", "date": at}, "d": {"amount": 2.0, "date": str(at)}}
    events["capitalGains"] = {"e": {"amount": 3.0, "date": at}}
    place = "/chart/result/0/events"
    assert event_at(document, "splits", at, 4.0) == (f"{place}/splits/{at}", 4.0)
    assert event_at(document, "dividends", at, 0.5) == (f"{place}/dividends/a~1b~0c/amount", 0.5)
    assert event_at(document, "dividends", at, 2.0) == (f"{place}/dividends/d/amount", 2.0)
    assert event_at(document, "capitalGains", at, 3.0) == (f"{place}/capitalGains/e/amount", 3.0)
    assert event_at(document, "dividends", at, 7.0) == (f"{place}/dividends/a~1b~0c/amount", 0.5)  # it was altered
    assert event_at(document, "dividends", at + 1, 0.5) == (None, None)


@pytest.mark.parametrize(
    ("value", "number"), [(1.5, 1.5), ("12", 12.0), ("x", None), (None, None), (True, None), ([], None)]
)
def test_number_is_read_as_a_run_reads_it(value: Any, number: float | None):
    document = {"chart": {"result": [{"indicators": {"quote": [{"close": [value]}]}}]}}
    assert number_at(document, price_pointer("close", 1)) == number
    assert number_at(document, price_pointer("close", 2)) is None


@given(JSON, st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_any_document_is_searched_without_failing(document: Any, splits: dict[str, Any]):
    assert event_at(document, "splits", 1, 4.0) == (None, None)
    assert number_at(document, price_pointer("close", 1)) is None
    odd = {"chart": {"result": [{"events": {"splits": splits}}]}}
    assert event_at(odd, "splits", 1, 4.0)[1] is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 200_000])
def test_bytes_that_are_no_json_are_none(content: bytes):
    assert read_chart(content) is None
