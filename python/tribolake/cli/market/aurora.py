"""`tribolake market aurora`: the tables of computed values in a database."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, explained_errors, new_app, open_settings, print_json
from tribolake.market.aurora import schema

app = new_app()


@app.callback()
def aurora() -> None:
    """Look after the tables in Aurora."""


@app.command(
    epilog="**Examples**\n\n`tribolake market aurora upgrade`\n\n"
    "`tribolake market aurora upgrade --sql`  prints the statements, and connects to nothing"
)
def upgrade(
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements for an empty database.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the tables in Aurora, or bring them to the version of this release. One upgrade at a time works."""
    with explained_errors(as_json=as_json):
        settings = open_settings()
        if sql:
            typer.echo(schema.upgrade_sql(settings), nl=False)
            return
        before, now = schema.upgrade(settings)
        if as_json:
            print_json({"before": before, "now": now})
        elif before == now:
            typer.echo(f"Aurora has version {now} of the tables already")
        else:
            typer.echo(f"Aurora has version {now} of the tables now, before {before or 'none'}")
