"""Tables of web pages, which portals export with the name of a workbook."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.lab_files import ANY, layout, read

from tribolake.errors import BronzeFileUnreadable

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=8).filter(
    lambda text: not text.startswith(("#", "Err:"))
)
GRIDS = st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=5)


def page(rows, start: str = "<html>", cell: str = "<td>{}</td>") -> bytes:
    body = "".join(f"<tr>{''.join(cell.format(escape(text)) for text in row)}</tr>" for row in rows)
    return f'{start}<head><meta charset="utf-8"></head><table>{body}</table>'.encode()


@given(GRIDS, st.sampled_from(["<html>", "<!DOCTYPE html>\n<HTML>", "<html xmlns:x='urn:schemas-microsoft-com'>"]),
       st.sampled_from(["<td>{}</td>", "<TD align=right> {}\n", "<th><b>{}</b></th>"]))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_page_is_read_as_it_was_written(grid, start, cell):
    headers = ["Sample", "Fe", "Cu"]
    rows = [{name: (text, "t") for name, text in zip(headers, row, strict=True) if text} for row in grid]
    expected = [(number, cells) for number, cells in enumerate(rows, 2) if cells]
    assert read(page([headers, *grid], start, cell), ANY) == expected


def test_page_with_nested_tables_and_spans_is_read():
    content = """<table><tr><td>menu<table><tr><td>Unit</td><td>GR-07</td></tr></table></td></tr></table>
        <table><tr><th rowspan=2>Sample<br>No</th><th colspan=2>Metals</th></tr><tr><th>Fe</th><th>Cu</th></tr>
        <tr><td rowspan=2>A1</td><td x:num="45.25">45,25</td><td>&lt;1&nbsp;</td></tr>
        <tr><td>46</td><td>#N/A</td></tr></table><script>var table = 1 < 2;</script>"""
    rows = read(content.encode(), layout(("*", "Sample No")))
    assert rows == [
        (5, {"Sample\nNo": ("A1", "t"), "Fe": ("45.25", "n"), "Cu": ("<1", "t")}),
        (6, {"Sample\nNo": ("A1", "t"), "Fe": ("46", "t"), "Cu": ("#N/A", "e")}),
    ]


def test_raised_digit_is_not_a_digit_of_the_number():
    content = """<table><tr><td>Sample<td>V40 (mm<sup>2</sup>/s)
        <tr><td>A1<td>12<sup>1<td>3<tr><td>A2<td>12<sup>a</sup>3</table>"""
    assert read(content.encode(), ANY) == [
        (2, {"Sample": ("A1", "t"), "V40 (mm²/s)": ("12¹", "t"), "column 3": ("3", "t")}),
        (3, {"Sample": ("A2", "t"), "V40 (mm²/s)": ("12a3", "t")}),
    ]


def test_page_without_a_table_is_named_by_its_title():
    with pytest.raises(BronzeFileUnreadable, match=r"a web page without a table \(Sign in\)"):
        read(b"<!doctype html><title>Sign in</title><form>Password</form>", ANY)
