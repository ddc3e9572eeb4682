"""`tribolake market import`: stage files that another program fetched."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.market.imports import import_files
from tribolake.products import MARKET

app = new_app()
AS_OF_NOW = (
    "A table does not say when it was fetched, so it counts as fetched now: its prices are taken to be divided by all "
    "splits. If it is older, move the object away, import it with --fetched-at and run with --full-refresh"
)


@app.command(
    epilog="**Examples**\n\n`tribolake market import nvda.json`\n\n"
    "`tribolake market import old.json --fetched-at 2024-06-07T21:30:00`\n\n"
    "`tribolake market import NVDA.csv --ticker NVDA --fetched-at 2024-06-07`",
)
def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Chart JSON as Yahoo served it, or daily bars as CSV or Parquet.")
    ],
    lake: LakeOption = None,
    ticker: Annotated[str | None, typer.Option(metavar="SYMBOL", help="The symbol, where a file has none.")] = None,
    fetched_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="When the files were fetched (UTC). [default: now, for a chart of the last two weeks or a table]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Stage files that another program fetched, as they are."""
    with explained_errors(as_json=as_json):
        at = fetched_at.replace(tzinfo=UTC) if fetched_at else None
        staged = import_files(MARKET.of(open_settings(lake=lake)), files, ticker, at)
        if as_json:
            print_json({"staged": [vars(one) for one in staged]})
        else:
            for one in staged:
                typer.echo(one.key if one.is_new else f"{one.key} has the same bytes")
        if at is None and any(not one.key.endswith(".json") for one in staged):
            typer.echo(AS_OF_NOW, err=True)
