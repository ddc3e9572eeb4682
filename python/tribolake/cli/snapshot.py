"""`tribolake snapshot`: a copy of the warehouse for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.run.snapshot import write_snapshot
from tribolake.texts import one_line

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake snapshot /srv/analysts`\n\n`tribolake snapshot . --lake s3://my-lake`")
def snapshot(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the copy, which is called warehouse.duckdb.")
    ],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the warehouse for DBeaver, notebooks and BI tools, which would hold up runs if they opened the original.

    Programs that have the copy before open go on with it. The new one has its name at once and whole.
    """
    with explained_errors(as_json=as_json):
        settings = open_settings(lake=lake)
        copied = write_snapshot(settings, folder)
        if as_json:
            print_json({"file": str(copied), "bytes": copied.stat().st_size})
        else:
            typer.echo(f"{one_line(copied)}: {copied.stat().st_size / 2**20:,.1f} MB")
