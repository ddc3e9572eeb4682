"""`tribolake market deliver`: confirm what the lake or Aurora has not confirmed yet."""

from __future__ import annotations

import typer

from tribolake.cli.market.tables import print_deliveries
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
from tribolake.market.deliver import deliver_pending
from tribolake.products import MARKET

app = new_app()


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
            if not any(one["delivered"] or one["waiting"] or one["problem"] for one in result.report.values()):
                typer.echo("Nothing waits to be delivered.")
        raise typer.Exit(Exit.NEEDS_A_LOOK if result.needs_a_look else Exit.OK)
