"""`tribolake verify`: compare everything that is published with its manifests."""

from __future__ import annotations

import typer

from tribolake.cli.console import open_console
from tribolake.cli.options import (
    ClientOption,
    Exit,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import printable
from tribolake.products import OIL
from tribolake.trace.verify import Verification
from tribolake.trace.verify import verify as verify_lake

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake verify`\n\n`tribolake verify --client cda --json`")
def verify(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """Hash every published file and compare it with its manifest: gold, silver, history and archive.

    Exit codes: 0 all files are what their manifests say, 4 some differ.
    """
    with explained_errors():
        found = verify_lake(OIL, open_settings(lake=lake), client)
        if as_json:
            print_json(found.as_dict())
        else:
            _print_verification(found)
        raise typer.Exit(Exit.NEEDS_A_LOOK if found.differences else Exit.OK)


def _print_verification(found: Verification) -> None:
    """Print the published files that differ from their manifests, with what to do."""
    console = open_console()
    for one in found.differences:
        console.print(f"[red]differs[/red] {printable(one.file)}: {printable(one.problem)}; {printable(one.advice)}")
    files = ", ".join(f"{printable(client)} {count:,}" for client, count in found.compared.items())
    console.print(f"{len(found.differences):,} differ. Files compared: {files}")
