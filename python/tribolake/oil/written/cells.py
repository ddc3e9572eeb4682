"""Find the cells of a row that hold the result of an essay, by the rules of `int_row_essays`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from tribolake.oil.seeds import read_seed
from tribolake.oil.written.essay_names import named_essay
from tribolake.readers.names import normal_form
from tribolake.readers.raw_rows import ERROR, FORMULA, TEXT

OCCURRENCE = re.compile(r"#(\d+)$")
BEHIND_ALL_VALUES = 1_000_000  # of an error, where there is another result
LONG_FIELDS = ("essayName", "essayValue")
# ISO 4406 codes that are no cell of their own are read from the count, or from the code of three numbers.
ISO_CODE = "Código ISO"
ISO_SOURCES = {
    "ISO 4µ": ("Partículas 4µ", ISO_CODE),
    "ISO 6µ": ("Partículas 6µ", ISO_CODE),
    "ISO 14µ": ("Partículas 14µ", ISO_CODE),
    ISO_CODE: ("Partículas 4µ", "Partículas 6µ", "Partículas 14µ"),
}


@dataclass(frozen=True)
class Cell:
    """A filled cell of a row: header, text, and the letter of its kind. `Estado#2` is the second column `Estado`."""

    column: str
    text: str
    kind: str


@dataclass(frozen=True)
class Found:
    """Columns of the result of an essay, and of its name where the file has names and values.

    There are several if the laboratory wrote a result more than once. `source` is the essay of the cells: a particle
    count where a code was computed.
    """

    values: frozenset[str]
    names: frozenset[str]
    source: str


@dataclass(frozen=True)
class _Result:
    essay: str
    preference: int
    value: Cell
    name: str | None


def find_result(laboratory: str, sheet: str, cells: Sequence[Cell], essay: str) -> Found | None:
    """Find the cells of an essay in a row. Returns None if the row has no result of it."""
    results = [one for one in _results(laboratory, sheet, cells) if _is_measured(laboratory, one)]
    for source in (essay, *ISO_SOURCES.get(essay, ())):
        chosen = _chosen([one for one in results if one.essay == source])
        if chosen:
            names = frozenset(one.name for one in chosen if one.name)
            return Found(frozenset(one.value.column for one in chosen), names, source)
    return None


def fields_of(laboratory: str, cells: Iterable[Cell]) -> dict[str, str]:
    """Return the text of each field that a row has: sampleNumber, unitId and so on."""
    known = _fields(laboratory)
    found: dict[str, str] = {}
    for cell in cells:
        header, occurrence = _header(cell.column)
        field = known.get((normal_form(header), occurrence))
        if field:
            found.setdefault(field, cell.text.strip())
    return found


def _chosen(results: Sequence[_Result]) -> Sequence[_Result]:
    """Return the results that go first. Cells of one name have one preference: all of them are the result."""
    usable = [one for one in results if one.value.kind not in (ERROR, FORMULA)] or results
    first = min((one.preference for one in usable), default=None)
    return [one for one in usable if one.preference == first]


def _results(laboratory: str, sheet: str, cells: Sequence[Cell]) -> list[_Result]:
    form = _laboratory(laboratory)
    if form["layout"] == "wide":
        return _in_columns(laboratory, sheet, cells)
    if form["layout"] == "pairs":
        names = _numbered(cells, form["pair_name_pattern"])
        values = _numbered(cells, form["pair_value_pattern"])
    else:
        names, values = (_of_field(laboratory, cells, field) for field in LONG_FIELDS)
    return _in_pairs(laboratory, sheet, names, values)


def _in_columns(laboratory: str, sheet: str, cells: Sequence[Cell]) -> list[_Result]:
    named = [(cell, *_header(cell.column)) for cell in cells]
    repeated = Counter(normal_form(header) for _, header, _ in named)
    results = []
    for cell, header, occurrence in named:
        known = named_essay(laboratory, sheet, header)
        if known and cell.text.strip():
            place = 0 if repeated[normal_form(header)] > 1 else occurrence
            results.append(_Result(known.essay, known.priority * 1000 + place, cell, None))
    return results


def _in_pairs(laboratory: str, sheet: str, names: Mapping[int, Cell], values: Mapping[int, Cell]) -> list[_Result]:
    repeated = Counter(_trimmed(cell.text) for cell in names.values())
    results = []
    for index, name in names.items():
        text = _trimmed(name.text)
        known = named_essay(laboratory, sheet, text)
        value = values.get(index)
        if known and value and value.text.strip():
            place = 0 if repeated[text] > 1 else index
            results.append(_Result(known.essay, known.priority * 1000 + place, value, name.column))
    return results


def _numbered(cells: Iterable[Cell], pattern: str) -> dict[int, Cell]:
    found = ((re.search(pattern, cell.column), cell) for cell in cells)
    return {int(match[1]): cell for match, cell in found if match}


def _of_field(laboratory: str, cells: Iterable[Cell], field: str) -> dict[int, Cell]:
    """Return the cell of a field as the only pair of its row."""
    known = _fields(laboratory)
    found = (cell for cell in cells if known.get((normal_form(cell.column), 1)) == field)
    return dict(enumerate(islice(found, 1)))


def _header(column: str) -> tuple[str, int]:
    found = OCCURRENCE.search(column)
    return (column[: found.start()], int(found[1])) if found else (column, 1)


def _trimmed(text: str) -> str:
    return text.replace("\xa0", " ").strip(" ")


def _is_measured(laboratory: str, result: _Result) -> bool:
    """Return whether a text says that something was measured. A dash does not."""
    if result.value.kind != TEXT:
        return True
    meanings = _meanings().get(normal_form(_trimmed(result.value.text)), ())
    group, kind = _essays()[result.essay]
    fitting = [
        row
        for row in meanings
        if row["laboratory"] in ("*", laboratory) and row["essay"] in ("*", result.essay, group, kind)
    ]
    nearest = min(
        fitting,
        key=lambda row: (row["laboratory"] == "*", row["essay"] == "*", row["essay"] in (group, kind), row["text"]),
        default=None,
    )
    return nearest is None or nearest["meaning"] != "not_measured"


@cache
def _laboratory(name: str) -> Mapping[str, str]:
    return next(row for row in read_seed("laboratories") if row["laboratory"] == name)


@cache
def _fields(laboratory: str) -> Mapping[tuple[str, int], str]:
    rows = [row for row in read_seed("lab_fields") if row["laboratory"] == laboratory]
    return {(normal_form(row["header"]), int(row["occurrence"])): row["field"] for row in rows}


@cache
def _meanings() -> Mapping[str, Sequence[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in read_seed("value_texts"):
        found.setdefault(normal_form(row["text"]), []).append(row)
    return found


@cache
def _essays() -> Mapping[str, tuple[str, str]]:
    return {row["essay"]: (row["essay_group"], row["kind"]) for row in read_seed("essays")}
