"""The console on which commands print. Colour is used only on terminals that support it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tribolake.texts import one_line

STATUS_STYLES = {"Anormal": "bold red", "Alerta": "yellow", "Normal": "green", "Sin evaluar": "dim"}
WIDTH_IN_A_FILE = 132
SHOWN_ROWS = 40


class _Console(Console):
    """A console whose terminal no text can control, also one that was printed as it came from a file."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str("\n".join(map(one_line, text.split("\n"))), **options)


def open_console() -> Console:
    """Open standard output, as wide as the terminal or as WIDTH_IN_A_FILE."""
    console = _Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_IN_A_FILE
    return console


def new_table(*columns: str, title: str | None = None, right: Collection[str] = ()) -> Table:
    """Return an empty table. Columns named in `right` are aligned to the right."""
    aligned = (Column(name, justify="right" if name in right else "left") for name in columns)
    return Table(*aligned, title=title, title_justify="left", box=box.SIMPLE)


def format_status(name: str) -> Text:
    """Return a status in its colour."""
    return Text(one_line(name), STATUS_STYLES.get(name, ""))


def format_time(at: datetime | None) -> str:
    """Return a time to the minute. The end of what still holds has none."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "now"
