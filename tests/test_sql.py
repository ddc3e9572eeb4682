"""Test that values in SQL text stay values."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tribolake.sql import literal, quoted


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("x\0'; select 1; --")
@example("\0")
def test_text_comes_back_as_it_was(text: str):
    assert duckdb.execute(f"select {literal(text)}, {literal(text)} in ({literal(text)})").fetchall() == [(text, True)]


def test_truth_value_is_one():
    assert duckdb.execute(f"select {literal(True)}, {literal(False)}").fetchone() == (True, False)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example('x", (select 1) as "y')
def test_name_comes_back_as_it_was_or_is_refused(name: str):
    """SQL has no way to write a zero byte in a name."""
    if "\0" in name:
        with pytest.raises(ValueError, match="zero byte"):
            quoted(name)
        return
    assert [found[0] for found in duckdb.execute(f"select 1 as {quoted(name)}").description] == [name]
