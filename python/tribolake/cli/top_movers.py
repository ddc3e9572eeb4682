"""`tribolake top-movers`: what got worse since a day."""

from __future__ import annotations

from datetime import datetime
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
from tribolake.cli.question_tables import print_movers
from tribolake.oil.questions.movers import top_movers as find_movers

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake top-movers --since 2026-01-31`\n\n"
    "`tribolake top-movers --since 2026-01-31 --client cda --json`"
)
def top_movers(
    since: Annotated[
        datetime,
        typer.Option(
            metavar="DAY", formats=["%Y-%m-%d"], help="Compare with what readers saw at the end of this day (UTC)."
        ),
    ],
    lake: LakeOption = None,
    client: ClientOption = None,
    show_all: Annotated[bool, typer.Option("--all", help="Show all components, not only the first ones.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the components in alarm that got worse since a day, the largest rise of the score first.

    Exit code 4: a client cannot be compared, and is left out.
    """
    with explained_errors(as_json=as_json):
        found = find_movers(open_settings(lake=lake), since.date(), client)
        if as_json:
            print_json({"since": since.date().isoformat(), "components": found.rows, "left_out": found.left_out})
        else:
            print_movers(found.rows, show_all=show_all)
        for name, why in found.left_out.items():
            log(f"{name} is left out: {why}", "warning")
        if found.left_out:
            raise typer.Exit(Exit.NEEDS_A_LOOK)
