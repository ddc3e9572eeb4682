"""Print how good alarms and data are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tribolake.cli.console import SHOWN_ROWS, new_table, open_console
from tribolake.cli.printable import printable
from tribolake.oil.questions.quality import Quality

ALARMS = (
    "alarms", "alarms_with_verdict", "precision", "recall", "false_alarms", "alarms_confirmed", "precision_found",
    "recall_found",
)  # fmt: skip
SHARES = ("precision", "recall", "precision_found", "recall_found", "on_time", "used")
TEXTS = (
    "name", "client", "component", "unit_id", "site", "machine", "essay", "limit_source", "reason", "subject", "file",
    "sample_date",
)  # fmt: skip


def print_quality(found: Quality) -> None:
    """Print the tables of alarm quality, the first rows of each."""
    for part, title in (("all", "Alarms"), ("component", "By component"), ("rule", "By rule"), ("month", "By month")):
        _print(title, found.of_part(part), ("name", *ALARMS) if part != "all" else ALARMS)
    shown: dict[str, tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]] = {
        "Limits with most false alarms": (
            found.limits,
            ("essay", "component", "machine", "limit_source", "false_alarms", "right_alarms", "alarms"),
        ),
        "Samples due": (found.sampling, ("component", "components", "usual_days", "due", "overdue", "unknown")),
        "Most overdue": (found.overdue, ("client", "unit_id", "component", "sample_date", "usual_days", "days")),
        "Sites": (found.sites, ("client", "site", "components", "on_time", "results", "rejected", "used")),
        "Not used": (found.not_used, ("client", "reason", "subject", "things", "files")),
        "Unmapped names": (found.unmapped, ("client", "reason", "name", "files", "file")),
    }
    for title, (rows, columns) in shown.items():
        _print(title, rows, columns)
    console = open_console()
    for one in found.published:
        console.print(
            f"{printable(one['client'])}: published {one['published_at']} by run {one['run_id']}, policy "
            f"{printable(one['policy'])}, newest sample {one['newest_sample']}"
        )
    console.print("Agreement with a laboratory is not prediction of failure. --json shows all")


def _print(title: str, rows: Sequence[Mapping[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    numbers = tuple(name for name in columns if name not in TEXTS)
    table = new_table(*columns, title=title, right=numbers)
    for row in rows[:SHOWN_ROWS]:
        table.add_row(*(_text(name, row[name]) for name in columns))
    open_console().print(table)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and name in SHARES:
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else printable(value)
