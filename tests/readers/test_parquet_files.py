"""Parquet files: every type keeps its value and its kind."""

from __future__ import annotations

import datetime as dt
import io
import math
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.lab_files import ANY, read

UTC = "2026-01-05 03:04:00.000Z"


def parquet(**columns: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def cells_of(values: pa.Array) -> list[tuple[str, str] | None]:
    samples = pa.array([f"A{n}" for n in range(len(values))])
    return [cells.get("x") for _, cells in read(parquet(Sample=samples, x=values), ANY)]


def test_names_with_a_zero_byte_stay_names_of_columns():
    """DuckDB ends a name at a zero byte. Each column keeps its own values."""
    columns = {"Sample": pa.array(["A1"]), "Fe\0x": pa.array([1]), "Fe\0y": pa.array([2]), "Fe": pa.array([3])}
    ((_, cells),) = read(parquet(**columns), ANY)
    assert {name: cell[0] for name, cell in cells.items() if name != "Sample"} == {
        "Fe\0x": "1",
        "Fe\0y": "2",
        "Fe": "3",
    }


@given(st.data(), st.integers(0, 20), st.integers(1, 18))
@settings(max_examples=100, deadline=None)
def test_decimal_of_any_scale_keeps_its_value(data, scale, whole_digits):
    decimals = st.decimals(-(10**whole_digits) + 1, 10**whole_digits - 1, places=scale)
    numbers = data.draw(st.lists(decimals, min_size=1, max_size=5))
    for kind in (pa.decimal128(whole_digits + scale, scale), pa.decimal256(60, scale)):
        found = cells_of(pa.array(numbers, kind))
        assert [(Decimal(text), letter) for text, letter in found] == [(number, "n") for number in numbers]


@given(st.lists(st.floats(allow_infinity=False, width=64), min_size=1, max_size=5))
@settings(deadline=None)
def test_float_keeps_its_value_and_nan_is_left_out(numbers):
    found = cells_of(pa.array(numbers, pa.float64()))
    for number, cell in zip(numbers, found, strict=True):
        assert cell is None if math.isnan(number) else cell is not None and (float(cell[0]), cell[1]) == (number, "n")


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64(), pa.int32()])
def test_whole_number_keeps_every_digit(kind):
    largest = 2 ** (kind.bit_width - pa.types.is_signed_integer(kind)) - 1
    assert cells_of(pa.array([largest, 0], kind)) == [(str(largest), "n"), ("0", "n")]


@pytest.mark.parametrize(
    ("value", "kind", "cell"),
    [
        (dt.date(2026, 1, 5), pa.date32(), ("2026-01-05", "d")),
        (dt.datetime(2026, 1, 5, 3, 4), pa.timestamp("ns"), ("2026-01-05 03:04:00.000000", "d")),
        (dt.datetime(2026, 1, 5, 3, 4, tzinfo=dt.UTC), pa.timestamp("ms", "Asia/Jakarta"), (UTC, "d")),
        (dt.timedelta(hours=250, minutes=30), pa.duration("s"), ("250:30:00", "d")),
        (True, pa.bool_(), ("true", "b")),
        (1.5, pa.float16(), ("1.5", "n")),
        (0.1, pa.float32(), ("0.1", "n")),
        (math.inf, pa.float64(), ("inf", "t")),
        (b"\xff<1", pa.binary(), ("\N{REPLACEMENT CHARACTER}<1", "t")),
        ("#N/A", pa.dictionary(pa.int8(), pa.string()), ("#N/A", "e")),
        (["a"], pa.list_(pa.string()), ("['a']", "t")),
        ("", pa.string(), None),
    ],
)  # fmt: skip
def test_value_of_a_type_is_text_of_a_kind(value, kind, cell):
    assert cells_of(pa.array([value], kind)) == [cell]
