"""`tribolake arrivals`: list files that arrived, and retry those that failed."""

from __future__ import annotations

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
from tribolake.cli.tables import print_arrivals, print_failed
from tribolake.oil.arrivals import list_arrivals, list_failed, retry_arrivals

app = new_app()


@app.callback()
def arrivals() -> None:
    """List files that arrived, and retry files and rows that failed."""


@app.command(
    "list", epilog="**Examples**\n\n`tribolake arrivals list`\n\n`tribolake arrivals list --failed --client cda`"
)
def list_(
    lake: LakeOption = None,
    client: ClientOption = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only files that cannot be read and rows that cannot be used.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the files that arrived, with their status and row counts."""
    with explained_errors():
        settings = open_settings(lake=lake)
        if failed:
            rejected = list_failed(settings, client)
            print_json(rejected) if as_json else print_failed(rejected)
        else:
            found = list_arrivals(settings, client)
            print_json({"arrivals": found}) if as_json else print_arrivals(found)


@app.command(
    epilog="**Examples**\n\n`tribolake arrivals retry`  all failed files and rejected rows\n\n"
    "`tribolake arrivals retry oil-analysis/bronze/cda/2026-01-31/T-09.xlsx`"
)
def retry(
    files: Annotated[list[str] | None, typer.Argument(help="Paths below the lake, as `list --failed` shows.")] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the next run read failed files again and check rejected rows again."""
    with explained_errors():
        chosen = retry_arrivals(open_settings(lake=lake), files or [], client)
        if as_json:
            print_json(chosen)
        else:
            typer.echo(
                f"the next run reads {len(chosen['files'])} files again and checks the rejected rows of "
                f"{len(chosen['rows'])} files again: start `tribolake run`, or wait for the watcher"
            )
