"""`tribolake docs`: write the documentation of every table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.lake.files import place_for_user
from tribolake.products import OIL
from tribolake.run.dbt import Dbt

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake docs`\n\n`tribolake docs --output site/index.html`")
def docs(
    lake: LakeOption = None,
    output: Annotated[Path | None, typer.Option(help="The file to write.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the documentation and lineage of every table as one HTML file that opens from disk."""
    with explained_errors():
        settings = open_settings(lake=lake)
        page = write_docs(Dbt(OIL, settings), settings.lake, output)
        if as_json:
            print_json({"docs": str(page)})
        else:
            typer.echo(page)


def write_docs(dbt: Dbt, lake: Path, output: Path | None = None) -> Path:
    """Write the documentation into a file, by default in the lake. Returns the path."""
    page = output or lake / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    return place_for_user(page, dbt.write_docs())
