"""`tribolake export`: the fleet as a workbook."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.log import log
from tribolake.cli.options import (
    ClientOption,
    Exit,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.oil.questions.workbook import LEFT_OUT, export_fleet
from tribolake.texts import one_line

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake export fleet.xlsx`\n\n"
    "`tribolake export monday.xlsx --client cda --since 2026-01-31`  with what got worse since"
)
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The workbook, which ends in .xlsx. It is replaced.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="Add a sheet with what got worse since this day."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the fleet as an Excel workbook: one sheet for each question, and no formula in any cell.

    Exit code 4: a client cannot be read, and is not in it.
    """
    with explained_errors(as_json=as_json):
        sheets = export_fleet(open_settings(lake=lake), file, client, since.date() if since else None)
        if as_json:
            print_json({"file": str(file), "sheets": sheets})
        else:
            counts = ", ".join(f"{name} {rows:,}" for name, rows in sheets.items())
            typer.echo(f"{one_line(file)}: {counts}")
        if LEFT_OUT in sheets:
            log(f"clients that cannot be read are not in the workbook: its sheet {LEFT_OUT!r} says why", "warning")
            raise typer.Exit(Exit.NEEDS_A_LOOK)
