"""The sheets of a workbook: which are the laboratory's, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from tribolake.errors import BronzeFileUnreadable
from tribolake.readers.layout import ANY_SHEET, FileLayout
from tribolake.readers.names import normal_form
from tribolake.readers.sheet_rows import SheetRow, is_blank
from tribolake.readers.table import NoKeyHeader, Spans, sheet_tables


@dataclass(frozen=True)
class Sheet:
    """A sheet whose rows can be read once."""

    name: str
    rows: Iterable[SheetRow]
    spans: Spans = field(default_factory=dict)
    is_from_1904: bool = False  # its days count from 1904, not from 1900

    @property
    def known(self) -> dict[str, object]:
        """Fields that every row of the sheet has."""
        return {"dateSystem": "1904"} if self.is_from_1904 else {}


@dataclass(frozen=True)
class UnreadSheet:
    """A sheet with filled rows that is not read: no layout names it, or it has no key header."""

    sheet: str
    rows: int


def workbook_tables(sheets: Iterable[Sheet], layout: FileLayout) -> Iterator[pa.Table | UnreadSheet]:
    """Yield raw rows of the sheets that the laboratory delivers, and which other sheets there are.

    Raises:
        BronzeFileUnreadable: no sheet can be read.
    """
    names: list[str] = []
    refusal: NoKeyHeader | None = None
    is_read = False
    for sheet in sheets:
        names.append(sheet.name)
        of_sheet = layout.of_sheet(sheet.name)
        if of_sheet is None:
            rows = sum(1 for _, cells in sheet.rows if not is_blank(cells))
        else:
            try:
                yield from sheet_tables(
                    f"sheet {sheet.name}", sheet.name, sheet.rows, of_sheet, sheet.spans, sheet.known
                )
                is_read = True
                continue
            except NoKeyHeader as error:
                refusal, rows = refusal or error, error.rows
        if rows:
            yield UnreadSheet(sheet.name, rows)
    if not is_read:
        raise refusal or BronzeFileUnreadable(_no_sheet(layout, names))


def _no_sheet(layout: FileLayout, found: list[str]) -> str:
    wanted = " or ".join(dict.fromkeys(sheet.sheet for sheet in layout.sheets))
    return (
        f"no sheet {wanted}; sheets found: {', '.join(found[:10]) or 'none'}. "
        f"Export it again{layout.or_declare('declare the sheet in', 'lab_sheets')}"
    )


def layout_without_sheets(what: str, headers: Sequence[object], layout: FileLayout) -> tuple[str, FileLayout]:
    """Return the declared sheet whose layout a table in a file without sheets has, and that layout.

    Args:
        what: the file, for a message.
        headers: the header row, or the first rows where none has a key header.
        layout: of the laboratory.

    Raises:
        BronzeFileUnreadable: no key header, or the same one on sheets of several fluids.
    """
    if layout.is_grid:
        return ANY_SHEET, layout
    forms = {normal_form(cell) for cell in headers if isinstance(cell, str)}
    found = [sheet for sheet in layout.sheets if normal_form(sheet.key_header) in forms]
    if not found:
        raise NoKeyHeader(what, layout, headers, 0)
    names, fluids = {sheet.sheet for sheet in found}, {sheet.fluid for sheet in found}
    if ANY_SHEET not in names and len(names) > 1 and (len(fluids) > 1 or "" in fluids):
        raise BronzeFileUnreadable(
            f"{what} has no sheets, and {', '.join(sorted(names))} of this laboratory have the same key header. "
            f"Export it as .xlsx{layout.or_declare('add a row for sheet * to', 'lab_sheets')}"
        )
    name = ANY_SHEET if ANY_SHEET in names else found[0].sheet
    of_sheet = layout.of_sheet(name)
    assert of_sheet is not None  # noqa: S101 - the name is one of the layout's
    return name, of_sheet
