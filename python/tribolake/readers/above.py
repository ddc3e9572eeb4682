"""What stands above a table: fields of its samples, and units of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tribolake.readers.layout import FieldAbove
from tribolake.readers.names import normal_form
from tribolake.readers.sheet_rows import SheetRow, has_only_names, is_blank

# So many rows directly above a header may be units of its columns, and methods.
UNITS_ROWS = 2


class AboveTable:
    """Fields that stand above a table; what is above a later table of the sheet counts from there on.

    The value of a label is behind its colon, in the next filled cell, or, where that is a label too, below it.
    """

    def __init__(self, wanted: Sequence[FieldAbove], known: Mapping[str, object]) -> None:
        self._labels = {normal_form(field.label): field.field for field in wanted if field.label}
        self._patterns = [(field.field, re.compile(field.pattern)) for field in wanted if field.pattern]
        self._below: dict[int, str] = {}
        self._units: list[SheetRow] = []
        self.fields = dict(known)

    def take_units(self, header: int) -> list[SheetRow]:
        """Return the rows directly above a header that may be units of its columns. They are rows of its table."""
        units, self._units = self._units, []
        return units if units and units[-1][0] == header - 1 else []

    def take(self, number: int, cells: Sequence[object]) -> None:
        """Keep the fields of a row."""
        below, self._below = self._below, {}
        units = self.take_units(number)
        self._units = [*units[1 - UNITS_ROWS :], (number, cells)] if self.may_be_units(cells) and not below else []
        self.fields |= {name: cells[at] for at, name in below.items() if at < len(cells) and not is_blank([cells[at]])}
        filled = [(at, cell) for at, cell in enumerate(cells) if not is_blank([cell])]
        for (at, cell), (_, behind) in zip(filled, [*filled[1:], (0, "")], strict=True):
            field, rest = self._labelled(cell)
            if field is None:
                pass
            elif rest or (behind != "" and self._labelled(behind)[0] is None):
                self.fields[field] = rest or behind
            else:
                self._below[at] = field
            self.fields |= self._matches(cell)

    def may_be_units(self, cells: Sequence[object]) -> bool:
        """Return whether a row has several names and nothing else: no number, label or field."""
        filled = [cell for cell in cells if cell != ""]
        return len(filled) > 1 and has_only_names(filled) and not any(map(self._is_label, filled))

    def _is_label(self, cell: object) -> bool:
        return str(cell).rstrip().endswith(":") or self.marks(cell)

    def marks(self, cell: object) -> bool:
        """Return whether a cell has a label, or a field by its pattern."""
        return self._labelled(cell)[0] is not None or bool(self._matches(cell))

    def _labelled(self, cell: object) -> tuple[str | None, str]:
        if not isinstance(cell, str):
            return None, ""
        label, _, rest = cell.partition(":")
        return self._labels.get(normal_form(label)), rest.strip()

    def _matches(self, cell: object) -> dict[str, object]:
        found = {field: pattern.search(cell) for field, pattern in self._patterns} if isinstance(cell, str) else {}
        return {field: match[1] for field, match in found.items() if match}
