"""What the cells of a column say about how a laboratory writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tribolake.oil.lab_draft.grid import Cell
from tribolake.readers.raw_rows import DATE, NUMBER

A_NUMBER = re.compile(r"[<>≤≥~]?=?\s*[-+]?[.,]?\d[\d.,\s]*(e[-+]?\d+)?\s*\D{0,10}", re.IGNORECASE)
A_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.*"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})\b.*"
    r"|\d{1,2}[-/.\s]+(de\s+)?[^\W\d]{3,10}\.?[-/.,\s]+(de[l]?\s+)?\d{2,4}\b.*"
    r"|[^\W\d]{3,10}\.?\s+\d{1,2},?\s+\d{4}\b.*"
    r"|\d{8}(T\d{6}Z?)?|\d{4}-W\d{2}-\d"
)
DECIMAL_COMMA = re.compile(r"\D*(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+(,\d+)?)\D*")
DECIMAL_POINT = re.compile(r"\D*(\d+\.(\d{1,2}|\d{4,})|0\.\d+|\d{1,3}(,\d{3})+(\.\d+)?)\D*")
DAY_AND_MONTH = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.]\d{2,4}\b.*")


def are_dates(cells: Sequence[Cell]) -> bool:
    return _most(cell.kind in (DATE, NUMBER) or bool(A_DATE.fullmatch(cell.text)) for cell in cells)


def are_numbers(cells: Sequence[Cell]) -> bool:
    return _most(cell.kind == NUMBER or bool(A_NUMBER.fullmatch(cell.text)) for cell in cells)


def _most(answers: Iterable[bool]) -> bool:
    found = list(answers)
    return 2 * sum(found) >= len(found)


def decimal_mark(cells: Iterable[Cell]) -> str:
    """Return the decimal mark that more texts prove; a point where none does."""
    texts = [cell.text for cell in cells if cell.kind != NUMBER]
    commas, points = (sum(map(bool, map(mark.fullmatch, texts))) for mark in (DECIMAL_COMMA, DECIMAL_POINT))
    return "," if commas > points else "."


def is_day_first(cells: Iterable[Cell]) -> bool:
    """Return whether more dates have a day first that can be no month; True where none tells."""
    parts = [found for cell in cells if (found := DAY_AND_MONTH.fullmatch(cell.text))]
    return sum(int(found[1]) > 12 for found in parts) >= sum(int(found[2]) > 12 for found in parts)
