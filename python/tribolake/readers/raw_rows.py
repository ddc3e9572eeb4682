"""Raw rows: the one shape that every laboratory file is read into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# What a cell of a workbook can hold at most; longer texts of other files are cut to it.
MAX_CELL_CHARACTERS = 32_767

RAW_ROWS = pa.schema(
    [
        ("sheet", pa.string()),
        ("row_number", pa.int32()),  # as a spreadsheet shows it: the header of a plain sheet is row 1
        ("cells", pa.map_(pa.string(), pa.string())),  # header -> text; empty cells are left out
        ("kinds", pa.string()),  # one letter a cell, in the order of `cells`
    ]
)

# The letters of `kinds`.
TEXT, NUMBER, DATE, BOOLEAN, ERROR, FORMULA, PERCENT, SHIFTED, STRUCK = "t", "n", "d", "b", "e", "f", "p", "s", "x"


class ErrorCell(str):
    """The error that a spreadsheet shows in a cell, for instance `#N/A`."""

    __slots__ = ()


class Percent(float):
    """A number that a spreadsheet shows as per cent: 0.05 for a cell that holds 0.0005 and shows `0.05%`."""

    __slots__ = ()

    @classmethod
    def of_share(cls, share: float) -> Percent:
        """The per cent that a share is. A hundred times 0.07 has an error in its last digit."""
        return cls(f"{share * 100:.15g}")


class ShiftedCell(str):
    """A cell of a row with more cells than headers: a mark within a cell was taken for the end of it."""

    __slots__ = ()


class StruckCell(str):
    """A cell that is struck out: whoever wrote it no longer means it."""

    __slots__ = ()


class UncalculatedFormula(str):
    """A formula that no spreadsheet has calculated: its cell has no value."""

    __slots__ = ()


# A raised digit is the mark of a footnote, or a power. Written on the line it would be a digit more of the number.
RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")

# How spreadsheets write an error where a file has texts only, in English, Spanish, Portuguese, French and German.
ERROR_TEXTS = frozenset({
    "#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!",
    "#CONNECT!", "#UNKNOWN!", "#GETTING_DATA",
    "#N/D", "#¡DIV/0!", "#¡VALOR!", "#¡REF!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!", "#NULO!", "#VALOR!", "#NOME?", "#NÚM!",
    "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!", "#NV", "#WERT!", "#BEZUG!", "#ZAHL!",
})  # fmt: skip
# A column that was too narrow for its number, and an error of LibreOffice.
ERROR_PATTERN = r"^(#{3,}|Err:[0-9]{3})$"


def text_of_runs(runs: Sequence[tuple[str, bool]]) -> str:
    """Return the text of runs, each with whether it is struck out: what is left, or all of it where nothing is."""
    left = "".join(text for text, is_struck in runs if not is_struck)
    everything = "".join(text for text, _ in runs)
    return StruckCell(everything) if everything.strip() and not left.strip() else left


def distinct_headers(headers: list[str]) -> list[str]:
    """Make names unique: the second `Estado` becomes `Estado#2`, a blank header becomes `column 7`."""
    seen: Counter[str] = Counter()
    names = []
    for position, header in enumerate(headers, start=1):
        name = header.strip() or f"column {position}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def number_texts(numbers: pa.Array) -> pa.Array:
    """Return floating-point numbers as text. Whole ones have all digits, as they may be sample numbers.

    Whole ones of 32 bits that have lost digits are in scientific notation, so that nobody takes them for numbers of
    samples.
    """
    is_short = numbers.type == pa.float32()
    exact = float(2**24 if is_short else 2**53)
    is_whole = pc.and_(pc.equal(pc.round(numbers), numbers), pc.less(pc.abs(numbers), exact))
    whole = pc.if_else(is_whole, numbers, 0.0).cast(pa.int64()).cast(pa.string())
    if is_short and pc.any(pc.greater_equal(pc.abs(numbers), exact)).as_py():
        wide = [None if number is None else f"{number:.8e}" for number in numbers.to_pylist()]
        return pc.if_else(is_whole, whole, pa.array(wide, pa.string()))
    return pc.if_else(is_whole, whole, numbers.cast(pa.string()))


def is_error_text(texts: pa.Array) -> np.ndarray:
    """Return which texts are the error of a spreadsheet."""
    found = np.asarray(pc.fill_null(pc.match_substring_regex(texts, r"^\s*(#|Err:)"), False))
    if found.any():
        stripped = pc.utf8_trim_whitespace(texts.filter(pa.array(found)))
        listed = pc.is_in(pc.utf8_upper(stripped), value_set=pa.array(sorted(ERROR_TEXTS)))
        found = found.copy()
        found[found] = np.asarray(pc.or_(listed, pc.match_substring_regex(stripped, ERROR_PATTERN)))
    return found


def raw_rows(
    sheet: str, headers: list[str], texts: pa.Array, kinds: np.ndarray, filled: np.ndarray, row_numbers: np.ndarray
) -> pa.Table:
    """Build raw rows from the filled cells of a grid.

    Args:
        sheet: name of the sheet.
        headers: one unique name per column.
        texts: text of each filled cell, in row order.
        kinds: letter of each filled cell, as ASCII codes.
        filled: boolean grid, rows × columns; its true cells are those of `texts`.
        row_numbers: spreadsheet number of each row of the grid.

    Returns:
        Table of the shape `RAW_ROWS`, one row per grid row that has a cell with more than white space.
    """
    # Most columns have no white space alone: looking once is cheaper than trimming every text.
    blank = np.asarray(pc.fill_null(pc.utf8_is_space(texts), False)) | np.asarray(pc.equal(pc.binary_length(texts), 0))
    if blank.any():
        written = ~blank
        filled = filled.copy()
        filled[filled] = written
        texts, kinds = texts.filter(pa.array(written)), kinds[written]
    per_row = filled.sum(axis=1)
    kept = per_row > 0
    offsets = np.concatenate(([0], np.cumsum(per_row[kept]))).astype(np.int32)
    names = pa.array(headers, pa.string()).take(pa.array(np.nonzero(filled)[1]))
    short = pc.utf8_slice_codeunits(texts, 0, MAX_CELL_CHARACTERS)
    cells = pa.MapArray.from_arrays(pa.array(offsets), names, short)
    rows = int(kept.sum())
    letters = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(kinds.astype(np.uint8)))
    numbers = pa.array(row_numbers[kept].astype(np.int32))
    return pa.table([pa.repeat(sheet, rows), numbers, cells, letters], schema=RAW_ROWS)
