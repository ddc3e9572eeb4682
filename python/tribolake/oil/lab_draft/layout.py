"""How the results of a file are laid out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tribolake.oil.lab_draft.evidence import are_numbers
from tribolake.oil.lab_draft.names import ESSAY, SIMILAR, KnownNames
from tribolake.oil.lab_draft.tables import Column

WIDE, LONG, PAIRS = "wide", "long", "pairs"
NUMBERED = re.compile(r"(.*?)(\d+)(.*)", re.DOTALL)
# The column of a name, and that of its value.
Pairs = list[tuple[Column, Column]]


def layout_of(columns: Sequence[Column], names: KnownNames) -> tuple[str, Pairs]:
    """Return the layout, and the columns of names and values where they come in pairs."""
    is_named_by_cells = any(hold_essays([column], names) for column in columns)
    # A column of shifts has the names A and B, too: a file with a result a row has a column of results.
    has_results = any(meaning.name == "essayValue" for column in columns for meaning in names.meanings(column.header))
    if is_named_by_cells and has_results:
        return LONG, []
    by_family = {(_family(column), _index(column)): column for column in columns if _index(column)}
    families: dict[tuple[str, str], list[Column]] = {}
    for (family, _), column in by_family.items():
        families.setdefault(family, []).append(column)
    # A laboratory may write the same essay in the first pair of every row.
    name_families = {family for family, found in families.items() if hold_essays(found, names)}
    pairs: Pairs = []
    for name_family in name_families:
        for family in {family for family, _ in by_family} - name_families:
            found = [
                (column, by_family[family, index])
                for (of, index), column in by_family.items()
                if of == name_family and (family, index) in by_family
            ]
            if found and all(are_numbers(value.cells) for _, value in found if value.cells):
                pairs = max(pairs, found, key=len)
    return (PAIRS, pairs) if pairs else (WIDE, [])


def hold_essays(columns: Sequence[Column], names: KnownNames) -> bool:
    """Return whether the cells of columns are names of essays."""
    texts = {cell.text for column in columns for cell in column.cells if not cell.text.isdecimal()}
    known = [text for text in texts if any(m.kind == ESSAY and m.distance < SIMILAR for m in names.meanings(text))]
    return len(known) >= 2 and 2 * len(known) >= len(texts)


def _index(column: Column) -> str:
    found = NUMBERED.fullmatch(column.header)
    return found[2] if found else ""


def _family(column: Column) -> tuple[str, str]:
    found = NUMBERED.fullmatch(column.header)
    return (found[1], found[3]) if found else ("", "")


def pattern_of(columns: Sequence[Column]) -> str:
    if not columns:
        return ""
    before, after = _family(columns[0])
    return rf"^{re.escape(before)}(\d+){re.escape(after)}$"
