"""`tribolake lineage`: trace a file, a sample or limits to versions of bronze files."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.lineage_tables import print_lineage
from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.oil.lineage import lineage_of

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake lineage s3://mining-data-mesh/oil-analysis/gold/cda/classified_reports.parquet`\n\n"
    "`tribolake lineage data/oil-analysis/gold/cda/stewart_limits.parquet`\n\n"
    "`tribolake lineage 2026-000123 --client emin`  a sample, down to its row in the laboratory's file\n\n"
    "`tribolake lineage default-2ffb3618fc06`  a version of limits"
)
def lineage(
    what: Annotated[
        str,
        typer.Argument(help="An s3:// address or a path of a published file, a sample number, or a version of limits."),
    ],
    lake: LakeOption = None,
    client: Annotated[
        str | None, typer.Option("--client", metavar="NAME", help="The client, if several have the sample.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the origin of a file, a sample or limits: run, limits with reasons, and versions of bronze files.

    On S3 the metadata of objects and the manifests are enough. Notes name what only a warehouse can tell.
    """
    with explained_errors():
        found = lineage_of(open_settings(lake=lake), what, client)
        if as_json:
            print_json(found.as_dict())
        else:
            print_lineage(found)
