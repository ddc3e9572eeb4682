"""`tribolake export`: the fleet as a workbook."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
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
from tribolake.oil.questions.workbook import export_fleet
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
    """Write the fleet as an Excel workbook: one sheet for each question, and no formula in any cell."""
    with explained_errors(as_json=as_json):
        sheets = export_fleet(open_settings(lake=lake), file, client, since.date() if since else None)
        if as_json:
            print_json({"file": str(file), "sheets": sheets})
        else:
            counts = ", ".join(f"{name} {rows:,}" for name, rows in sheets.items())
            typer.echo(f"{one_line(file)}: {counts}")
