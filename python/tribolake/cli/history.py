"""`tribolake history`: show earlier statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tribolake.cli.console import format_status, format_time, new_table, open_console
from tribolake.cli.fleet_tables import component_counts
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import printable
from tribolake.oil.history import History, read_history

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake history --unit T-09 --component motor`\n\n"
    "`tribolake history --as-of 2026-01-31`  the fleet at the end of that day"
)
def history(
    lake: LakeOption = None,
    client: ClientOption = None,
    unit: Annotated[str | None, typer.Option(help="Unit, for instance T-09.")] = None,
    component: Annotated[str | None, typer.Option(help="Compartment or component family, for instance motor.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="As published at the end of this day."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the fleet as published on a day, or every version of the reports of a unit."""
    with explained_errors():
        found = read_history(
            open_settings(lake=lake),
            clients=client,
            unit=unit,
            component=component,
            as_of=as_of.date() if as_of else None,
        )
        if as_json:
            print_json(found.as_dict())
        else:
            _print_history(found)


def _print_history(found: History) -> None:
    """Print the fleet as of a day, then the versions of the reports of a unit."""
    console = open_console()
    if found.as_of:
        table = new_table(
            "client", "unit", "status", "score", "worst component", "components", "last sample", "since",
            title=f"Fleet as published on {found.as_of}", right=("score",),
        )  # fmt: skip
        for machine in found.machines:
            table.add_row(
                machine["client"],
                printable(machine["unit_id"]),
                format_status(machine["overall_status"]),
                str(machine["machine_score"]),
                printable(machine["worst_component"] or ""),
                component_counts(machine),
                machine["latest_sample_date"],
                format_time(machine["valid_from"]),
            )
        console.print(table)
    if found.reports:
        table = new_table(
            "unit", "component", "sample", "sampled", "status", "score", "from", "to", "limits",
            title="Reports with every status they had", right=("score",),
        )  # fmt: skip
        for report in found.reports:
            table.add_row(
                printable(report["unit_id"]),
                printable(report["component"]),
                printable(report["sample_number"]),
                str(report["sample_date"]),
                format_status(report["report_status"]),
                str(report["classification_score"]),
                format_time(report["valid_from"]),
                format_time(report["valid_to"]),
                report["limits_version"] or "",
            )
        console.print(table)
    if not (found.machines or found.reports):
        console.print("Nothing was published at that time.")
