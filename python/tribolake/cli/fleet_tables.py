"""Print the machines of a fleet, in the order in which to look at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from tribolake.cli.console import format_status, new_table
from tribolake.cli.printable import printable
from tribolake.oil.fleet import score_that_orders, word_of, worse_component

SHOWN_MACHINES = 15
SHOWN_WITHOUT_SAMPLE = 5
RECENT = (
    "client", "unit", "status", "score", "deadline", "until", "look first at", "why", "components", "stale",
    "last sample",
)  # fmt: skip
WITHOUT_SAMPLE = ("client", "unit", "status", "deadline", "until", "look first at", "last sample", "days behind")
Machine = Mapping[str, Any]


def print_fleet(console: Console, machines: Sequence[Machine], shown: int | None = SHOWN_MACHINES) -> None:
    """Print machines with a recent sample, and then the others in a table of their own. `shown` of None means all."""
    recent = [machine for machine in machines if machine["is_recent"] is not False]
    others = [machine for machine in machines if machine["is_recent"] is False]
    title = "Fleet: look at the first machine first (components: Anormal, Alerta, Normal, Sin evaluar)"
    _print_machines(console, recent, RECENT, shown, title)
    if recent and recent[0]["machine_ai_recommendation"]:
        first = recent[0]
        console.print(f"{printable(first['unit_id'])}: {printable(first['machine_ai_recommendation'])}\n")
    if others:
        title = f"{len(others)} machines without a recent sample: take new ones (days behind the newest of the client)"
        _print_machines(console, others, WITHOUT_SAMPLE, None if shown is None else SHOWN_WITHOUT_SAMPLE, title)


def component_counts(machine: Machine) -> str:
    """Return how many components have each status, the worst first."""
    return " ".join(str(machine[f"components_{name}"]) for name in ("anormal", "alerta", "normal", "sin_evaluar"))


def machine_status(machine: Machine) -> Text:
    """Return the status of a machine, and the worst one of its components if that is worse."""
    status, worse = format_status(machine["overall_status"]), worse_component(machine)
    return Text.assemble(status, ", with ", format_status(worse)) if worse else status


def until(machine: Machine) -> Text:
    """Return the last day of a machine's deadline, and whether it is over."""
    day = machine["deadline_on"] or ""
    return Text(f"{day} overdue", "bold red") if machine["days_overdue"] else Text(day)


def first_component(machine: Machine) -> str:
    """Return the component that the text of a machine begins with. Earlier releases published the worst one only."""
    return machine["first_component"] or machine["worst_component"] or ""


def _print_machines(
    console: Console, machines: Sequence[Machine], columns: Sequence[str], shown: int | None, title: str
) -> None:
    table = new_table(*columns, title=title, right=NUMBERS)
    for machine in machines[:shown]:
        table.add_row(*(CELLS[column](machine) for column in columns))
    console.print(table)
    if shown is not None and len(machines) > shown:
        console.print(f"  … and {len(machines) - shown} more machines: `tribolake status --all` shows all")


CELLS: Mapping[str, Callable[[Machine], str | Text]] = {
    "client": lambda machine: printable(machine["client"]),
    "unit": lambda machine: printable(machine["unit_id"]),
    "status": machine_status,
    "score": lambda machine: f"{score_that_orders(machine):g}",
    "deadline": lambda machine: word_of(machine["urgency"]),
    "until": until,
    "look first at": lambda machine: printable(first_component(machine)),
    "why": lambda machine: printable(machine["why"] or ""),
    "components": component_counts,
    "stale": lambda machine: str(machine["components_stale"]),
    "last sample": lambda machine: machine["latest_sample_date"],
    "days behind": lambda machine: str(machine["days_behind_client"]),
}
NUMBERS = ("score", "stale", "days behind")
