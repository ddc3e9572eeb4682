"""`tribolake demo`: run everything on sample files."""

from __future__ import annotations

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.docs import write_docs
from tribolake.cli.options import ProgressLines, QuietOption, explained_errors, new_app, open_settings
from tribolake.cli.run_tables import print_run
from tribolake.cli.serve import PORT
from tribolake.cli.status_tables import print_status
from tribolake.cli.synth import require_folder
from tribolake.lake import open_lake
from tribolake.oil.status import lake_status
from tribolake.oil.synth import write_sample_lake
from tribolake.products import OIL
from tribolake.run.dbt import Dbt
from tribolake.run.pipeline import run as run_pipeline
from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings
from tribolake.texts import one_line

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake demo`\n\n`tribolake demo --lake /tmp/demo`")
def demo(
    lake: Annotated[str | None, typer.Option(metavar="DIR", help="A folder. [default: ./data/demo]")] = None,
    quiet: QuietOption = False,
) -> None:
    """Write sample laboratory files, run on them, show the fleet, and say how to see it on pages."""
    default = (PROJECT_DIR if IS_CHECKOUT else Path.cwd()) / "data" / "demo"
    with explained_errors():
        settings = require_folder(open_settings(lake=lake or default))
        with ProgressLines(quiet) as progress:
            if not open_lake(settings).list_bronze():
                write_sample_lake(settings.lake, on_file=lambda path: progress(f"write {path.name}"))
            report = run_pipeline(OIL, settings, progress=progress)
            progress("docs")
            page = write_docs(Dbt(OIL, settings), settings.lake)
        print_status(lake_status(settings, None))
        print_run(report, settings)
        typer.echo(f"documentation: {page}")
        typer.echo(how_to_serve(settings))


def how_to_serve(settings: Settings) -> str:
    """Return how to see the same on pages. The demo itself ends."""
    command = f"tribolake serve --lake {shlex.quote(one_line(settings.lake))}"
    if find_spec("uvicorn") is None:
        return f"pages: install requirements-web.lock, or `pip install 'tribolake[web]'`, then {command}"
    return f"pages: {command}  and open http://127.0.0.1:{PORT}/"
