"""How a laboratory lays out its files, as the seeds say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tribolake.readers.names import normal_form

# The layout of a file without sheets; in a workbook, of every sheet that has the key header.
ANY_SHEET = "*"
Row = Mapping[str, Any]
# The seeds that `layouts_of` takes, in its order.
LAYOUT_SEEDS = ("clients", "laboratories", "lab_sheets", "lab_context_fields")


@dataclass(frozen=True, order=True)
class SheetLayout:
    """A name of a sheet, and a header that marks the header row of its table.

    Sheets of one fluid have the same columns.
    """

    sheet: str
    key_header: str
    fluid: str = ""


@dataclass(frozen=True, order=True)
class FieldAbove:
    """A field of the sample that stands above the table: behind a label, or in group 1 of a pattern."""

    sheet: str
    field: str
    label: str = ""
    pattern: str = ""


@dataclass(frozen=True)
class FileLayout:
    """What the files of a laboratory look like. Empty text settings are found out from each file."""

    sheets: tuple[SheetLayout, ...]
    above: tuple[FieldAbove, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    is_declared: bool = True  # by seeds of the oil product, where it can be changed
    is_grid: bool = False  # nothing is known: every filled row is read, and columns have numbers

    @classmethod
    def of_json(cls, layout: Mapping[str, Any]) -> FileLayout:
        sheets = tuple(SheetLayout(**sheet) for sheet in layout["sheets"])
        above = tuple(FieldAbove(**field) for field in layout["above"])
        return cls(**(dict(layout) | {"sheets": sheets, "above": above}))

    def of_sheet(self, name: str) -> FileLayout | None:
        """Return the part that is about a sheet. None if no layout names it."""
        if self.is_grid:
            return self
        form = normal_form(name)
        named = tuple(sheet for sheet in self.sheets if normal_form(sheet.sheet) == form)
        sheets = named or tuple(sheet for sheet in self.sheets if sheet.sheet == ANY_SHEET)
        if not sheets:
            return None
        above = tuple(field for field in self.above if field.sheet == ANY_SHEET or normal_form(field.sheet) == form)
        return replace(self, sheets=sheets, above=above)

    def or_declare(self, what: str, seed: str) -> str:
        """Return the end of an advice: what else to do, where the layout is declared."""
        return f", or {what} seeds/oil/{seed}.csv" if self.is_declared else ""

    @property
    def key_forms(self) -> frozenset[str]:
        return frozenset(normal_form(sheet.key_header) for sheet in self.sheets)

    @property
    def key_names(self) -> str:
        """The key headers, for a message."""
        return " or ".join(repr(name) for name in dict.fromkeys(sheet.key_header for sheet in self.sheets))


# The layout of a file whose layout is not declared.
EVERY_CELL = FileLayout((), is_grid=True)


def layouts_of(
    clients: Iterable[Row], laboratories: Iterable[Row], sheets: Iterable[Row], context_fields: Iterable[Row]
) -> dict[str, FileLayout]:
    """Return the layout of each client's laboratory, from rows of seeds. Laboratories without sheets are left out."""
    declared: dict[str, set[SheetLayout]] = {}
    for row in sheets:
        declared.setdefault(row["laboratory"], set()).add(
            SheetLayout(row["sheet"], row["key_header"], row["fluid"] or "")
        )
    above: dict[str, set[FieldAbove]] = {}
    for row in context_fields:
        if row["place"] == "above":
            field = FieldAbove(row["sheet"], row["field"], row["label"] or "", row["pattern"] or "")
            above.setdefault(row["laboratory"], set()).add(field)
    layouts = {
        row["laboratory"]: FileLayout(
            tuple(sorted(declared[row["laboratory"]])),
            tuple(sorted(above.get(row["laboratory"], ()))),
            row["text_encoding"] or "",
            row["text_delimiter"] or "",
            row["text_quote"] or "",
        )
        for row in laboratories
        if row["laboratory"] in declared
    }
    return {row["client"]: layouts[row["laboratory"]] for row in clients if row["laboratory"] in layouts}
