"""Test that values in SQL text stay values."""

from __future__ import annotations

import duckdb
from hypothesis import example, given
from hypothesis import strategies as st

from tribolake.sql import literal


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("x\0'; select 1; --")
@example("\0")
def test_text_comes_back_as_it_was(text: str):
    assert duckdb.execute(f"select {literal(text)}, {literal(text)} in ({literal(text)})").fetchall() == [(text, True)]


def test_truth_value_is_one():
    assert duckdb.execute(f"select {literal(True)}, {literal(False)}").fetchone() == (True, False)
