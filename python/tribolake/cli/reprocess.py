"""`tribolake reprocess`: compute the gold of a run again from the same bronze and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.lineage_tables import print_reprocessed
from tribolake.cli.options import (
    ClientOption,
    Exit,
    JsonOption,
    LakeOption,
    ProgressLines,
    QuietOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.oil.reprocess import reprocess as reprocess_run

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b`\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b --client cda --into /tmp/again --json`"
)
def reprocess(
    run_id: Annotated[str, typer.Option("--as-of", metavar="RUN", help="Id of the run, as in manifests.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    into: Annotated[
        Path | None,
        typer.Option(help="An empty folder for the result. [default: below the lake's state folder]", file_okay=False),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute the gold of a run again from the bronze versions in its manifest, and compare.

    The result is another lake; this one does not change. Exit codes: 0 identical, 4 something differs, 1 bronze
    contents are gone.
    """
    with explained_errors():
        with ProgressLines(quiet) as progress:
            done = reprocess_run(open_settings(lake=lake), run_id, clients=client, into=into, progress=progress)
        if as_json:
            print_json(done.as_dict())
        else:
            print_reprocessed(done)
        raise typer.Exit(Exit.OK if done.is_identical else Exit.NEEDS_A_LOOK)
