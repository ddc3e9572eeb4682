"""`tribolake fetch`: a version of what was computed, as a file."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
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
            help="classified_reports, machine_status_current, stewart_limits, judging_limits, harmonized or delta."
        ),
    ],
    client: Annotated[str, typer.Option("--client", metavar="NAME", help="Whose.")],
    lake: LakeOption = None,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="As readers saw it at the end of this day (UTC)."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="RUN", help="As this run published it; for limits, a version of limits too.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Copy it here.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a version of what was computed: the latest, that of a day, or that of a run; checked by its SHA-256.

    Prints the path of the file: in the lake's folder where that is at hand, else what was fetched from S3.
    """
    with explained_errors():
        day = as_of.date() if as_of else None
        found = find(OIL, open_settings(lake=lake), artefact, client, as_of=day, version=version)
        path = Path(shutil.copyfile(found.path, output)) if output else found.path
        if as_json:
            print_json(found.as_dict() | {"path": str(path)})
        else:
            typer.echo(path)
