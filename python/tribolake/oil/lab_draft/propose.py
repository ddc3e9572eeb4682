"""Propose seed rows from the cells of a file and the headers that are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tribolake.oil.lab_draft.evidence import are_dates, are_numbers, decimal_mark, is_day_first
from tribolake.oil.lab_draft.grid import Cell, Grid
from tribolake.oil.lab_draft.layout import LONG, WIDE, Pairs, hold_essays, layout_of, pattern_of
from tribolake.oil.lab_draft.names import ESSAY, FIELD, SIMILAR, KnownNames, Meaning
from tribolake.oil.lab_draft.tables import Column, Table, distinct_columns, table_of
from tribolake.readers.layout import ANY_SHEET
from tribolake.readers.raw_rows import TEXT

NEEDED = ("sampleNumber", "sampleDate", "unitId", "componentName")
DATES = ("sampleDate", "labDate", "reportDate")
METERS = ("machineHours", "componentHours", "oilMeter")
RESULT_FIELDS = ("essayName", "essayValue", "essayUnit")
SeedRow = dict[str, str]


@dataclass(frozen=True)
class Unplaced:
    """What the draft has no place for: a column, a sheet, the name of an essay, or a field that is needed."""

    what: str
    sheet: str
    name: str
    examples: Sequence[str] = ()


@dataclass
class LabDraft:
    """Seed rows by seed, and what has no place in them."""

    laboratory: str
    layout: str
    rows: dict[str, list[SeedRow]]
    unplaced: list[Unplaced]
    uncertain: list[str] = field(default_factory=list)  # headers that are only similar to known ones


def propose(
    grids: Sequence[Grid], names: KnownNames, *, client: str, client_code: str, laboratory: str, time_zone: str
) -> LabDraft:
    """Propose the rows of a laboratory.

    Args:
        grids: the sheets of one file.
        names: headers that are known.
        client: folder of the client in bronze.
        client_code: code of the client as published.
        laboratory: name of the new laboratory.
        time_zone: in which the client's days are counted.
    """
    tables = [table for grid in grids if (table := table_of(grid, names))]
    columns = [column for table in tables for column in table.columns]
    named = {table.sheet for table in tables}
    unplaced = [
        Unplaced("sheet", grid.sheet, grid.sheet, [f"{len(grid.rows)} rows"])
        for grid in grids
        if grid.sheet not in named
    ]
    layout, pairs = layout_of(columns, names)
    placed = _place(columns, names, layout)
    essays = _essays(columns, placed, names, layout, pairs)
    fields = {header: meaning for header, meaning in placed.items() if meaning.kind == FIELD}
    above = list(_fields_above(tables, names, {meaning.name for meaning in fields.values()}))
    found = {meaning.name for meaning in fields.values()} | {row["field"] for row in above}
    unplaced += [Unplaced("field", "", needed) for needed in NEEDED if needed not in found]
    paired = {column.header for pair in pairs for column in pair} if pairs else set()
    for column in distinct_columns(columns):
        if column.header not in paired and column.key not in placed and column.cells:
            unplaced.append(Unplaced("column", column.sheet, column.header, column.examples))
    values = [column for column in columns if _is_value(column, placed, paired)]
    dates = [c for column in columns if _name_of(column, placed) in DATES for c in column.cells]
    rows = {
        "clients": [_row(client=client, client_code=client_code, laboratory=laboratory, time_zone=time_zone)],
        "laboratories": [
            _row(
                laboratory=laboratory,
                layout=layout,
                decimal_mark=decimal_mark(cell for column in values for cell in column.cells),
                day_first=str(is_day_first(dates)).lower(),
                utc_midnight_is_a_date="true",
                pair_name_pattern=pattern_of([pair[0] for pair in pairs]),
                pair_value_pattern=pattern_of([pair[1] for pair in pairs]),
            )
        ],
        "lab_sheets": [
            _row(laboratory=laboratory, sheet=ANY_SHEET, key_header=key)
            for key in dict.fromkeys(_key_header(table, placed) for table in tables)
        ],
        "lab_fields": [
            _row(laboratory=laboratory, header=header, occurrence=str(occurrence), field=meaning.name)
            for (header, occurrence), meaning in fields.items()
        ],
        "lab_context_fields": [row | {"laboratory": laboratory} for row in above],
        "lab_essays": [row | {"laboratory": laboratory} for row in essays.rows],
    }
    unplaced += [Unplaced("essay", "", name) for name in essays.unknown]
    similar = [header for (header, _), meaning in placed.items() if meaning.distance == SIMILAR]
    return LabDraft(laboratory, layout, {seed: found for seed, found in rows.items() if found}, unplaced, similar)


def _row(**values: str) -> SeedRow:
    return values


def _place(columns: Sequence[Column], names: KnownNames, layout: str) -> dict[tuple[str, int], Meaning]:
    """Return what each header means. Of several columns for one field, the nearest to a known header counts."""
    offers = sorted(
        (
            (meaning.distance, meaning.kind == ESSAY, position, column, meaning)
            for position, column in enumerate(distinct_columns(columns))
            for meaning in names.meanings(column.header)
            if _fits(column, meaning, names, layout)
        ),
        key=lambda offer: offer[:3],
    )
    placed: dict[tuple[str, int], Meaning] = {}
    taken: set[str] = set()
    for *_, column, meaning in offers:
        key = column.key
        if key in placed or (meaning.kind == FIELD and meaning.name in taken):
            continue
        placed[key] = meaning
        taken.add(meaning.name)
    order = {column.key: position for position, column in enumerate(columns)}
    return dict(sorted(placed.items(), key=lambda item: order[item[0]]))


def _fits(column: Column, meaning: Meaning, names: KnownNames, layout: str) -> bool:
    """Return whether what a column holds can be what its header means."""
    if meaning.name in RESULT_FIELDS:
        if meaning.name == "essayUnit":
            return layout == LONG and any(names.unit_of(cell.text) for cell in column.cells)
        return layout == LONG and (meaning.name != "essayName" or hold_essays([column], names))
    if meaning.kind == ESSAY:
        return layout == WIDE
    return not column.cells or _can_be(meaning.name, column.cells, names)


def _can_be(field: str, cells: Sequence[Cell], names: KnownNames) -> bool:
    if field in DATES:
        return are_dates(cells)
    if field == "unitId":  # `Unidad` is a machine or a unit of measure
        return not all(names.unit_of(cell.text) for cell in cells)
    return field not in METERS or are_numbers(cells)


@dataclass(frozen=True)
class _Essays:
    rows: Sequence[SeedRow]
    unknown: Sequence[str]


def _essays(
    columns: Sequence[Column],
    placed: Mapping[tuple[str, int], Meaning],
    names: KnownNames,
    layout: str,
    pairs: Pairs,
) -> _Essays:
    """Return rows of `lab_essays` for the headers, or the cells, that name essays."""
    if layout == WIDE:
        wide = {key: meaning for key, meaning in placed.items() if meaning.kind == ESSAY}
        units = _units_row([column for column in columns if column.key in wide], names)
        meant = {key[0]: (meaning, meaning.unit or units.get(key, "")) for key, meaning in wide.items()}
        texts: list[str] = list(meant)
    else:
        cells = [c for column in columns if _name_of(column, placed) == "essayName" for c in column.cells]
        cells += [cell for name, _ in pairs for cell in name.cells]
        texts = list(dict.fromkeys(cell.text for cell in cells))
        meant = {
            text: (found[0], found[0].unit)
            for text in texts
            if (found := [meaning for meaning in names.meanings(text) if meaning.kind == ESSAY])
        }
    seen: Counter[str] = Counter()
    rows = []
    for text, (meaning, unit) in meant.items():
        seen[meaning.name] += 1
        essay_unit = names.essay_units.get(meaning.name, "")
        # `Particles > 4 µm /ml` are particles/ml.
        own = names.unit_of(essay_unit) == unit or essay_unit.endswith(f"/{unit}")
        rows.append(
            _row(
                sheet=ANY_SHEET,
                name=text,
                essay=meaning.name,
                priority=str(seen[meaning.name]),
                unit="" if own else unit,
            )
        )
    return _Essays(rows, [text for text in texts if text not in meant])


def _units_row(columns: Sequence[Column], names: KnownNames) -> dict[tuple[str, int], str]:
    """Return the units of essays, if the first row below the headers has them."""
    first = {c.key: c.cells[0] for c in columns if c.cells and c.cells[0].kind == TEXT}
    units = {key: names.unit_of(cell.text) for key, cell in first.items() if not cell.text.isdecimal()}
    return units if 2 * sum(map(bool, units.values())) > len(columns) else {}


def _name_of(column: Column, placed: Mapping[tuple[str, int], Meaning]) -> str:
    meaning = placed.get(column.key)
    return meaning.name if meaning else ""


def _is_value(column: Column, placed: Mapping[tuple[str, int], Meaning], paired: set[str]) -> bool:
    meaning = placed.get(column.key)
    if meaning is None:
        return column.header in paired
    return meaning.kind == ESSAY or meaning.name in (*METERS, "essayValue")


def _key_header(table: Table, placed: Mapping[tuple[str, int], Meaning]) -> str:
    """Return the header that marks the header row: that of the sample number, else of the first field."""
    fields = {_name_of(column, placed): column.header for column in reversed(table.columns)}
    known = [column.header for column in table.columns if _name_of(column, placed)]
    return fields.get("sampleNumber") or next(iter(known), table.columns[0].header)


def _fields_above(tables: Sequence[Table], names: KnownNames, placed: set[str]) -> Iterator[SeedRow]:
    """Fields that are needed and stand above a table, behind a label."""
    missing = [needed for needed in NEEDED if needed not in placed]
    for cells in (row for table in tables for row in table.above):
        for at, cell in enumerate(cells):
            label, _, rest = cell.text.partition(":")
            wanted = [
                m.name for m in names.meanings(label) if m.kind == FIELD and m.name in missing and m.distance == 0
            ]
            if wanted and (rest.strip() or at + 1 < len(cells)):
                missing.remove(wanted[0])
                yield _row(sheet=ANY_SHEET, field=wanted[0], place="above", label=label.strip())
