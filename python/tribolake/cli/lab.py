"""`tribolake lab`: take in the files of a new laboratory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.lab_tables import print_draft
from tribolake.cli.options import JsonOption, explained_errors, new_app, open_settings, print_json
from tribolake.oil.lab_draft import draft_lab, write_draft
from tribolake.oil.lab_draft.preview import preview as preview_of

app = new_app()


@app.callback()
def lab() -> None:
    """Take in the files of a new laboratory."""


@app.command(
    epilog="**Examples**\n\n`tribolake lab draft report.csv --client norte`  propose, and show ten samples\n\n"
    "`tribolake lab draft report.csv --client norte --laboratory wearlab --write`  propose, and write the rows\n\n"
    "`tribolake lab draft report.xls --client cda_2 --client-code CDA`  a second laboratory of the fleet CDA"
)
def draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file as the laboratory delivers it.", exists=True)],
    client: Annotated[str, typer.Option(metavar="NAME", help="Folder of the client in bronze.")],
    client_code: Annotated[
        str | None, typer.Option(metavar="CODE", help="Code of the client as published. [default: the folder]")
    ] = None,
    laboratory: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the laboratory. [default: the client]")
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Time zone of the client's days.")
    ] = "America/Santiago",
    preview: Annotated[bool, typer.Option(help="Read the file with the proposed rows, which takes 10 s.")] = True,
    write: Annotated[bool, typer.Option("--write", help="Append the rows to the seeds of this checkout.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Propose the seed rows for the files of a new laboratory, and show ten samples as a run would read them.

    Headers are compared with those of all laboratories and of the seed `known_headers`. What has no place is listed.
    """
    with explained_errors():
        found = draft_lab(
            file,
            open_settings(),
            client=client,
            client_code=client_code or client.upper(),
            laboratory=laboratory or client,
            time_zone=time_zone,
        )
        seen = preview_of(file, client, found.rows) if preview else None
        if write:
            write_draft(found)
        if as_json:
            print_json(asdict(found) | {"preview": asdict(seen) if seen else None, "is_written": write})
        else:
            print_draft(found, seen, is_written=write)
