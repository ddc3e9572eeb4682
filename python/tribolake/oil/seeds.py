"""Read the seeds of the oil product without a warehouse."""

from __future__ import annotations

import csv

from tribolake.readers.layout import SheetLayout, layouts_of
from tribolake.settings import PROJECT_DIR


def read_seed(name: str) -> list[dict[str, str]]:
    """Read the rows of a seed as text."""
    with (PROJECT_DIR / "seeds" / "oil" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def policies() -> list[str]:
    return [row["policy"] for row in read_seed("policies")]


def declared_clients() -> list[str]:
    return [row["client"] for row in read_seed("clients")]


def declared_layouts() -> dict[str, tuple[SheetLayout, ...]]:
    """Read which sheets the laboratory of each client delivers."""
    sheets = read_seed("lab_sheets")
    return layouts_of(
        (client["client"], sheet["sheet"], sheet["key_header"])
        for client in read_seed("clients")
        for sheet in sheets
        if sheet["laboratory"] == client["laboratory"]
    )
