"""`tribolake reprocess`: compute again what a run published, from the same bronze, and compare."""

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
    run_id: Annotated[str, typer.Option("--as-of", metavar="RUN", help="The run, as manifests name it.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    into: Annotated[
        Path | None,
        typer.Option(help="An empty folder for it. [default: below the lake's state folder]", file_okay=False),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute a run's gold again from exactly the bronze versions that its manifest names, and compare.

    Works in a lake of its own and publishes nothing into this one. Exit codes: 0 identical, 4 something differs, 1
    bronze contents are gone.
    """
    with explained_errors():
        with ProgressLines(quiet) as progress:
            done = reprocess_run(open_settings(lake=lake), run_id, clients=client, into=into, progress=progress)
        if as_json:
            print_json(done.as_dict())
        else:
            print_reprocessed(done)
        raise typer.Exit(Exit.OK if done.is_identical else Exit.NEEDS_A_LOOK)
