"""Print what one set of expert rules does differently from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tribolake.cli.console import new_table, open_console
from tribolake.cli.printable import printable

if TYPE_CHECKING:
    from tribolake.oil.rules.comparison import RuleComparison

COUNTS = ("reports", "action", "urgent")
CHANGES = ("alarms", "appear", "action", "vanish", "action")


def print_rule_comparison(found: RuleComparison) -> None:
    """Print alarms, and reports by urgency and by rule, each before and after."""
    console = open_console()
    console.print(f"{printable(found.a)} against {printable(found.b)}. An arrow leads from before to after.")
    if found.units:
        console.print(f"Verdicts on {printable(', '.join(found.units))} chose values of rules: their reports are `in`")
    table = new_table("client", "units", *CHANGES, right=CHANGES)
    for row in found.alarms:
        alarms = f"{row['alarms_before']:,} → {row['alarms_after']:,}"
        changed = (row[name] for name in ("appear", "appear_action", "vanish", "vanish_action"))
        table.add_row(printable(row["client"]), _units(row), alarms, *(f"{count:,}" for count in changed))
    console.print(table)
    console.print(_reports_table(found.urgencies, "Reports in alarm by urgency", ("urgency",)))
    if found.left_out:
        title = "The same where each unit is judged with values that the other units choose"
        console.print(_reports_table(found.left_out, title, ("urgency",)))
        for each in found.other_choices:
            console.print(printable(f"without {each['unit']}: {each['rule_id']} {each['field']} {each['value']}"))
    other_rules = [row for row in found.rules if any(row[f"{name}_before"] != row[f"{name}_after"] for name in COUNTS)]
    console.print(_reports_table(other_rules, "Rules that decide other reports", ("rule_id", "urgency")))


def _reports_table(rows: Iterable[Mapping[str, Any]], title: str, keys: tuple[str, ...]) -> Table:
    table = new_table("client", "units", *keys, *COUNTS, title=title, right=COUNTS)
    for row in rows:
        counts = (f"{row[f'{name}_before']:,} → {row[f'{name}_after']:,}" for name in COUNTS)
        table.add_row(printable(row["client"]), _units(row), *(printable(row[key]) for key in keys), *counts)
    return table


def _units(row: Mapping[str, Any]) -> str:
    return "in" if row["chosen_on"] else "out"
