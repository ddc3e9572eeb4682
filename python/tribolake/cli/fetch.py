"""`tribolake fetch`: fetch a published file of any version."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.lake.files import place_for_user
from tribolake.products import OIL
from tribolake.trace import find

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake fetch classified_reports --client cda`  as readers see it now\n\n"
    "`tribolake fetch stewart_limits --client cda --as-of 2026-01-31 --output limits.parquet`\n\n"
    "`tribolake fetch judging_limits --client cda --version default-2ffb3618fc06 --lake s3://mining-data-mesh`"
)
def fetch(
    artefact: Annotated[
        str,
        typer.Argument(
            help="classified_reports, machine_status_current, stewart_limits, component_status, results, "
            "judging_limits, harmonized, rejected or delta."
        ),
    ],
    client: Annotated[str, typer.Option("--client", metavar="NAME", help="The client.")],
    lake: LakeOption = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="As published at the end of this day (UTC)."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="RUN", help="As published by this run. For limits also a version of limits.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Copy the file to this path.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a published file: the latest version, or that of a day or a run. Its SHA-256 is checked.

    Prints the path of the file, which is in the lake's folder or was downloaded from S3.
    """
    with explained_errors():
        day = as_of.date() if as_of else None
        found = find(OIL, open_settings(lake=lake), artefact, client, as_of=day, version=version)
        path = place_for_user(output, found.path) if output else found.path
        if as_json:
            print_json(found.as_dict() | {"path": str(path)})
        else:
            typer.echo(path)
