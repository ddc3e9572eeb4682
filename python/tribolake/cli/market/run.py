"""`tribolake market run`: bring gold up to date with the staged responses."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.market.tables import print_deliveries, print_quality
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
    retry_while_busy,
)
from tribolake.cli.run_tables import print_run
from tribolake.lake import require_bronze
from tribolake.market.keys import raw_inbox
from tribolake.products import MARKET
from tribolake.run.pipeline import run as run_pipeline

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake market run`\n\n`tribolake market run --lake s3://data-lake --json`")
def run(
    lake: LakeOption = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every response again.")] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Wait up to this long for another run to end.")
    ] = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring gold up to date with the staged responses: read, compute, test, publish. Needs no network.

    Exit codes: 0 done or nothing new, 1 failed, 2 bad usage, 3 another run holds the lake, 4 published, but some
    responses need a look, or the lake or Aurora did not confirm all values.
    """
    with explained_errors(as_json=as_json):
        settings = MARKET.of(open_settings(lake=lake))
        begin = "`tribolake market fetch` or `market import` begin a new lake"
        require_bronze(settings, inbox=raw_inbox(settings), begin=begin)
        with ProgressLines(quiet) as progress:
            report = retry_while_busy(wait)(
                run_pipeline, MARKET, settings, full_refresh=full_refresh, progress=progress, notice=progress.notice
            )
        if as_json:
            print_json(report.as_dict())
        elif not quiet or report.needs_a_look:
            print_run(report, settings)
            if found := report.results["quality"].report:
                print_quality(found["held_back"], found["findings"])
            print_deliveries(report.results["deliveries"].report)
        raise typer.Exit(Exit.NEEDS_A_LOOK if report.needs_a_look else Exit.OK)
