"""`tribolake market deliver` and `tribolake market aurora`: the places that get computed values."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.market_tables import print_deliveries
from tribolake.cli.options import (
    Exit,
    JsonOption,
    LakeOption,
    ProgressLines,
    QuietOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.errors import ConfigurationError
from tribolake.market.aurora import NOT_INSTALLED
from tribolake.market.deliver import deliver_pending
from tribolake.products import MARKET

app = new_app()
aurora = new_app()
app.add_typer(aurora, name="aurora")


@app.command(
    epilog="**Examples**\n\n`tribolake market deliver`\n\n`tribolake market deliver --lake s3://data-lake --json`"
)
def deliver(lake: LakeOption = None, quiet: QuietOption = False, as_json: JsonOption = False) -> None:
    """Deliver what the lake or Aurora has not confirmed yet. The next run does it too.

    Exit codes: 0 everything is delivered, 1 failed, 2 bad usage, 3 a run holds the lake, 4 some of it is not confirmed.
    """
    with explained_errors(as_json=as_json):
        settings = MARKET.of(open_settings(lake=lake))
        with ProgressLines(quiet) as progress:
            result = deliver_pending(MARKET, settings, progress)
        if as_json:
            print_json({"deliveries": result.report})
        elif not quiet or result.needs_a_look:
            print_deliveries(result.report)
        raise typer.Exit(Exit.NEEDS_A_LOOK if result.needs_a_look else Exit.OK)


@aurora.callback()
def of_aurora() -> None:
    """Look after the tables in Aurora."""


@aurora.command(
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
        try:
            from tribolake.market.aurora import schema  # noqa: PLC0415 - the extra
        except ModuleNotFoundError as error:
            raise ConfigurationError(NOT_INSTALLED.format(name=error.name)) from None
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
