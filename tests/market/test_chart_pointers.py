"""Pointers into chart JSON find what stands there, and nothing where the document is not as expected."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.market.chart_pointers import number_at, price_pointer, ratio_at, read_chart, split_pointers
from tribolake.market.sample import chart_of, random_walk

SPLIT = date(2023, 2, 1)
CHART = chart_of(random_walk("NVDA", 60, splits={SPLIT: 4.0}), date(2023, 3, 20))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Auckland"])
def test_split_is_found_by_its_day_in_the_zone(zone: str):
    chart = chart_of(random_walk("NVDA", 60, splits={SPLIT: 4.0}, zone=zone), date(2023, 3, 20))
    (pointer,) = split_pointers(chart, SPLIT)
    assert ratio_at(chart, pointer) == 4.0 and split_pointers(chart, date(2023, 2, 2)) == []


def test_name_with_slash_and_tilde_is_escaped():
    document = json.loads(json.dumps(CHART))
    splits = document["chart"]["result"][0]["events"]["splits"]
    splits["a/b~c"] = splits.popitem()[1]
    (pointer,) = split_pointers(document, SPLIT)
    assert pointer.endswith("/a~1b~0c") and ratio_at(document, pointer) == 4.0


@pytest.mark.parametrize(
    ("value", "number"), [(1.5, 1.5), ("12", 12.0), ("x", None), (None, None), (True, None), ([], None)]
)
def test_number_is_read_as_a_run_reads_it(value: Any, number: float | None):
    document = {"chart": {"result": [{"indicators": {"quote": [{"close": [value]}]}}]}}
    assert number_at(document, price_pointer("close", 1)) == number
    assert number_at(document, price_pointer("close", 2)) is None


@given(JSON, st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_any_document_is_searched_without_failing(document: Any, splits: dict[str, Any]):
    assert split_pointers(document, SPLIT) == [] and number_at(document, price_pointer("close", 1)) is None
    odd = {"chart": {"result": [{"meta": {"exchangeTimezoneName": document}, "events": {"splits": splits}}]}}
    assert split_pointers(odd, SPLIT) == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 200_000])
def test_bytes_that_are_no_json_are_none(content: bytes):
    assert read_chart(content) is None
