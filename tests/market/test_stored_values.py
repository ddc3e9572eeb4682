"""What programs give to `MarketLake`: it becomes strict JSON of the same meaning, or an error names it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tribolake.market.bodies import as_json, computed_body

AT = datetime(2025, 1, 15, 12, 30, tzinfo=UTC)
RAW = "raw/yfinance/NVDA/2025-01-15/20250115_120000.json"
NESTED: list[Any] = []
NESTED.append(NESTED)


def body(**given: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "kind": "indicators", "ticker": "NVDA", "values": {"x": 1.0}, "sources": [{"key": RAW}],
        "computed_at": AT, "computation_version": "1.0",
    } | given  # fmt: skip
    found: dict[str, Any] = json.loads(computed_body(**asked))
    return found


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@given(st.one_of(npst.scalar_dtypes(), npst.datetime64_dtypes(), npst.timedelta64_dtypes()).flatmap(npst.from_dtype))
def test_numpy_scalar_keeps_its_meaning_or_is_named(value: Any):
    """Alone, in an array of no dimension and in a list it is the same."""
    try:
        plain = as_json(value, "rsi_14")
    except (TypeError, ValueError) as error:
        assert str(error).startswith("rsi_14")
        return
    assert as_json(np.array(value), "rsi_14") == plain and as_json([value], "rsi_14") == [plain]
    read = json.loads(json.dumps(plain, allow_nan=False), parse_constant=refuse)
    if isinstance(value, np.datetime64):
        assert read is None if np.isnat(value) else isinstance(read, str)
        assert read is None or np.datetime64(read, "D") == value.astype("datetime64[D]")
    elif read is None:
        assert value != value  # noqa: PLR0124 - NaN
    else:
        assert type(value)(read) == value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (pd.NaT, None),
        (pd.Timestamp("2025-01-15T00:00:00.000000123Z"), "2025-01-15T00:00:00Z"),
        (np.array(5.0), 5.0),
        (np.datetime64("2025-01-15"), "2025-01-15"),
        ({25: 1.0, "50": 2.0}, {"25": 1.0, "50": 2.0}),
    ],
)
def test_other_value_is_written(value: Any, said: Any):
    assert body(values={"x": value})["values"] == {"x": said}


@pytest.mark.parametrize(
    "value",
    [
        pd.NA, pd.Timedelta(1), np.timedelta64(5, "ns"), np.datetime64("2025-01-15", "ns"), np.ma.masked, 10**400,
        10**5000, NESTED, {1: 1, "1": 2}, "\ud800", {"\ud800": 1}, timedelta(1), [float("inf")],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_value_that_json_does_not_have_is_refused(value: Any):
    with pytest.raises((TypeError, ValueError), match="body"):
        body(values={"x": value})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "../.."}, "is not one of"),
        ({"computation_version": 1.0}, "computation_version is 1.0"),
        ({"computation_version": ""}, "computation_version is ''"),
        ({"computed_at": date(2025, 1, 15)}, "computed_at"),
        ({"computed_at": pd.NaT}, "computed_at"),
        ({"session_date": "../x"}, "session_date"),
        ({"session_date": AT}, "session_date"),
        ({"sources": []}, "sources"),
        ({"sources": [{"key": None}]}, "sources"),
        ({"sources": [{"key": ""}]}, "sources"),
    ],
)
def test_object_that_nobody_would_find_is_refused(asked: dict[str, Any], said: str):
    with pytest.raises((TypeError, ValueError), match=said):
        body(**asked)


def test_time_of_pandas_loses_what_a_key_does_not_have():
    assert body(computed_at=pd.Timestamp("2025-01-15T12:30:00.123456789Z"))["computed_at"] == "2025-01-15T12:30:00Z"


def test_further_fields_take_the_place_of_none():
    assert body(computation_type="../x")["computation_type"] == "indicators"
