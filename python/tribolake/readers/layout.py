"""Which sheets a laboratory delivers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class SheetLayout:
    """What a laboratory's sheet is called and the column that a usable one must have."""

    sheet: str  # '*' for a file without sheets
    key_header: str


def layouts_of(declared: Iterable[tuple[str, str, str]]) -> dict[str, tuple[SheetLayout, ...]]:
    """The sheets of each client's laboratory, from rows of (client, sheet, key header)."""
    layouts: dict[str, tuple[SheetLayout, ...]] = {}
    for client, sheet, key_header in declared:
        layouts[client] = (*layouts.get(client, ()), SheetLayout(sheet, key_header))
    return {client: tuple(sorted(sheets)) for client, sheets in layouts.items()}
