"""Test that keys in texts of an endpoint are masked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.wording.masking import TELLING, masked

KEY = "abcdefghijklmnopqrst"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"the key {KEY} is bad", "the key *** is bad"),
        (f"{KEY[:-2]}, {KEY[5:]}", "***, ***"),
        (KEY[3 : 3 + TELLING], "***"),
        (KEY[3 : 2 + TELLING], KEY[3 : 2 + TELLING]),
        ("Authorization: Bearer x1.y2", "Authorization: Bearer ***"),
        ("given sk-proj-1_2-3, wanted another", "given ***, wanted another"),
        ("the risk-based task-force", "the risk-based task-force"),
        ("", ""),
    ],
)
def test_keys_and_parts_of_the_key_are_masked(text, shown):
    assert masked(text, KEY) == shown


def test_short_key_is_masked_as_a_whole():
    assert masked("it is abcd, not abc", "abcd") == "it is ***, not abc"
    assert masked("any text", "") == "any text"


@given(st.text(), st.integers(0, len(KEY)), st.integers(TELLING, len(KEY)), st.text())
def test_part_of_the_key_in_any_text_is_masked(before, start, length, after):
    part = KEY[start : start + length]
    if len(part) >= TELLING:
        assert part not in masked(before + part + after, KEY)
