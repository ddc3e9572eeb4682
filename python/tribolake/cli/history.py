"""`tribolake history`: show earlier statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.tables import print_history
from tribolake.oil.history import read_history

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
            print_history(found)
