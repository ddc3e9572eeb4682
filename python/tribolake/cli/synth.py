"""`tribolake synth`: write sample laboratory files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from tribolake.cli.options import (
    ClientOption,
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
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import Settings

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake synth --lake /tmp/lake`\n\n"
    "`tribolake synth --lake /tmp/lake --finning-units 70 --months 60 --seed 7`"
)
def synth(
    lake: LakeOption = None,
    client: ClientOption = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 42,
    finning_units: Annotated[int, typer.Option(help="Trucks. Each has one workbook.")] = 7,
    als_units: Annotated[int, typer.Option(help="Machines in the ALS table.")] = 40,
    months: Annotated[int, typer.Option(help="Months of samples.")] = 24,
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day sampled.")] = datetime(2026, 1, 31),
    clean: Annotated[bool, typer.Option("--clean", help="Write no dirty cells and no retests.")] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write sample files of both laboratories into a lake, with episodes of known truth."""
    with explained_errors():
        settings = require_folder(open_settings(lake=lake))
        try:
            with ProgressLines(quiet) as progress:
                written = write_sample_lake(
                    settings.lake,
                    seed=seed,
                    finning_units=finning_units,
                    als_units=als_units,
                    months=months,
                    end=date(end.year, end.month, end.day),
                    dirty=not clean,
                    clients=client or ("cda", "emin"),
                    on_file=lambda path: progress(f"write {path.name}"),
                )
        except ValueError as error:
            raise ConfigurationError(str(error)) from error
        if as_json:
            print_json(
                {
                    "files": [str(path) for path in written.files],
                    "truth": str(written.truth),
                    "samples": written.samples,
                }
            )
        else:
            for path in written.files:
                typer.echo(path)
            typer.echo(f"truth: {written.truth}")


def require_folder(settings: Settings) -> Settings:
    """Check that the lake is in a folder. Returns its settings.

    Raises:
        ConfigurationError: the lake is on S3.
    """
    if settings.uses_s3:
        raise ConfigurationError(
            f"sample files can only be written into a folder: give --lake DIR without STORAGE_MODE, then copy them to "
            f"{settings.address}"
        )
    return settings
