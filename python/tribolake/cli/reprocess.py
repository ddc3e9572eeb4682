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
from tribolake.errors import ConfigurationError
from tribolake.oil.reprocess import reprocess as reprocess_run
from tribolake.oil.reprocess import reprocess_current

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b`\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b --client cda --into /tmp/again --json`\n\n"
    "`tribolake reprocess --current --quiet`  once a week, by a timer"
)
def reprocess(
    run_id: Annotated[
        str | None, typer.Option("--as-of", metavar="RUN", help="Id of the run, as in manifests.", show_default=False)
    ] = None,
    current: Annotated[
        bool, typer.Option("--current", help="What readers see now, of every client. Differences are sent as messages.")
    ] = False,
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
        if (run_id is None) != current or (current and into is not None):
            raise ConfigurationError("give either --as-of RUN or --current, which takes no --into")
        settings = open_settings(lake=lake)
        with ProgressLines(quiet) as progress:
            if run_id is None:
                results = reprocess_current(settings, clients=client, progress=progress)
            else:
                results = [reprocess_run(settings, run_id, clients=client, into=into, progress=progress)]
        is_identical = all(done.is_identical for done in results)
        if as_json:
            print_json({"runs": [done.as_dict() for done in results]} if current else results[0].as_dict())
        else:
            for done in results:
                if not (quiet and done.is_identical):
                    print_reprocessed(done)
        raise typer.Exit(Exit.OK if is_identical else Exit.NEEDS_A_LOOK)
