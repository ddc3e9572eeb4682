"""Text files: their encoding, delimiter and quoting are found out, and nothing of a row is lost."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.lab_files import ANY, layout, read

from tribolake.errors import BronzeFileUnreadable

# Letters that a code page of Windows has; two of them in a row are not UTF-8 by chance.
LETTERS = "abcXYZ0123456789áéíóúñü.,;|\t'\"/()<>%µ°- \n"
TEXTS = st.text(LETTERS, max_size=10).filter(lambda text: "µ°" not in text and not any(
    f"{letter}{mark}" in text for letter in "áéíóúñü" for mark in "µ°"
))  # fmt: skip
GRIDS = st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=6)
HEADERS = ["Sample", "Hierro (ppm) ", "Níquel"]


def text_file(rows, delimiter=",", **form) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, **form).writerows(rows)
    return buffer.getvalue()


def filled(grid):
    """The rows that are to be read of a grid below the headers."""
    names = [name.strip() for name in HEADERS]
    rows = [{name: (cell, "t") for name, cell in zip(names, row, strict=True) if cell.strip()} for row in grid]
    return [(number, cells) for number, cells in enumerate(rows, 2) if cells]


@given(
    GRIDS,
    st.sampled_from(";,\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\r\n", "\n"]),
)
@settings(max_examples=300, deadline=None)
def test_text_file_is_read_as_it_was_written(grid, delimiter, encoding, quoting, line_end):
    written = text_file([HEADERS, *grid], delimiter, quoting=quoting, lineterminator=line_end)
    assert read(written.encode(encoding), ANY) == filled(grid)


@given(GRIDS, st.lists(st.sampled_from(["utf-8", "cp1252"]), min_size=1, max_size=4), st.booleans())
@example([["", "", "XµX"]], ["utf-8", "cp1252"], False)
@settings(max_examples=200, deadline=None)
def test_lines_in_two_encodings_are_read_as_they_were_written(grid, encodings, twice):
    """Programs append lines to the files of others, and read UTF-8 as a code page before they write it again."""
    lines = text_file([HEADERS, *grid], ";").split("\n")
    content = b"\n".join(line.encode(encodings[at % len(encodings)]) for at, line in enumerate(lines))
    if twice:
        content = "\n".join(lines).encode().decode("latin-1").encode()
    assert read(content, ANY) == filled(grid)


def test_capitals_before_signs_were_not_encoded_twice():
    content = text_file([["Sample", "Nota"], ["A1", "NÃO Â2 Ã"]])
    assert read(content.encode(), ANY) == [(2, {"Sample": ("A1", "t"), "Nota": ("NÃO Â2 Ã", "t")})]


def test_sign_of_a_code_page_is_read():
    content = text_file([["Sample", "Agua", "Precio"], ["A1", "0,1 – 0,2", "5 €"]], ";").encode("cp1252")
    assert read(content, ANY)[0][1] | {} == {
        "Sample": ("A1", "t"), "Agua": ("0,1 – 0,2", "t"), "Precio": ("5 €", "t"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Informe;2026\n\n'Sample';'Fe'\n'A1';'7'\n",  # single quotes
        "sep=|\nSample|Fe\nA1|7\n",  # the line that Excel takes the delimiter from
        "Sample;Fe\rA1;7\r",  # line ends of old programs
        "Sample;Fe;;\r\nA1;7;;\nTotal;1\n",  # mixed line ends, and cells beyond the headers
    ],
)
def test_odd_form_of_a_text_file_is_found_out(text):
    rows = [cells for _, cells in read(text.encode(), ANY)]
    assert rows[0] == {"Sample": ("A1", "t"), "Fe": ("7", "t")}


def test_quotation_mark_of_inches_does_not_swallow_rows():
    text = 'Sample;Filter;Fe\nA1;"5;7\nA2;"6;8\nA3;5" pipe;9\n'
    assert [(cells["Filter"][0], cells["Fe"][0]) for _, cells in read(text.encode(), ANY)] == [
        ('"5', "7"), ('"6', "8"), ('5" pipe', "9"),
    ]  # fmt: skip


def test_quotation_marks_may_be_escaped_by_a_backslash():
    text = 'Sample,Comment,Fe\n"A1","says \\"a, b\\"","7"\n'
    ((_, cells),) = read(text.encode(), ANY)
    assert cells == {"Sample": ("A1", "t"), "Comment": ('says "a, b"', "t"), "Fe": ("7", "t")}


def test_blank_lines_keep_the_number_of_a_row():
    assert [number for number, _ in read(b"Sample;Fe\n\n\nA1;7\n\nA2;8\n", ANY)] == [4, 6]


def test_error_text_of_a_spreadsheet_is_an_error():
    ((_, cells),) = read("Sample;Fe;Cu;Al;Unit\nA1;#N/A;#¡DIV/0!;#####;#HT-1\n".encode(), ANY)
    kinds = {name: kind for name, (_, kind) in cells.items()}
    assert kinds == {"Sample": "t", "Fe": "e", "Cu": "e", "Al": "e", "Unit": "t"}


def test_seed_overrides_what_a_file_looks_like():
    of = layout(("*", "Muestra"), encoding="cp850", delimiter="tab")
    ((_, cells),) = read("Muestra\tEstaño\nA1\t7\n".encode("cp850"), of)
    assert cells == {"Muestra": ("A1", "t"), "Estaño": ("7", "t")}
    with pytest.raises(BronzeFileUnreadable, match="not written in ascii"):
        read("Muestra\tEstaño\nA1\t7\n".encode("cp850"), layout(("*", "Muestra"), encoding="ascii", delimiter="tab"))


def test_text_file_stands_for_the_one_sheet_with_its_key():
    content = b"Sample;Fe\nA1;7\n"
    assert len(read(content, layout(("OIL", "Sample"), ("COOLANT", "Coolant sample")))) == 1
    with pytest.raises(BronzeFileUnreadable, match="COOLANT, OIL of this laboratory have the same key header"):
        read(content, layout(("OIL", "Sample"), ("COOLANT", "Sample")))
    assert len(read(content, layout(("OIL", "Sample"), ("COOLANT", "Sample"), ("*", "Sample")))) == 1
    assert len(read(content, layout(("OIL", "Sample", "oil"), ("ACEITE", "Sample", "oil")))) == 1
