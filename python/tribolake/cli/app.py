"""`tribolake`: the commands."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tribolake.cli.arrivals import arrivals
from tribolake.cli.fetch import fetch
from tribolake.cli.history import history
from tribolake.cli.lake import lake as lake_commands
from tribolake.cli.limits import limits
from tribolake.cli.lineage import lineage
from tribolake.cli.options import (
    ClientOption,
    Exit,
    JsonOption,
    LakeOption,
    ProgressLines,
    explained_errors,
    print_json,
    waiting_for_the_lake,
)
from tribolake.cli.query import query
from tribolake.cli.recommendations import recommendations
from tribolake.cli.reprocess import reprocess
from tribolake.cli.watch import watch
from tribolake.errors import ConfigurationError

if TYPE_CHECKING:
    from tribolake.run.dbt import Dbt
    from tribolake.settings import Settings

app = typer.Typer(
    name="tribolake",
    help="Laboratory files in a lake become the health of a fleet.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Entry point of the `tribolake` command."""
    app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake run`  new files of ./data\n\n"
    "`tribolake run --lake /srv/lake --client cda --json`\n\n"
    "`tribolake run --policy reference`  judge exactly as the former production code did"
)
def run(
    lake: LakeOption = None,
    client: Annotated[
        list[str] | None,
        typer.Option("--client", metavar="NAME", envvar="CLIENT", help="Only this client; may be repeated."),
    ] = None,
    policy: Annotated[str, typer.Option(help="How to judge: `default` or `reference`.")] = "default",
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every file again.")] = False,
    recalculate_limits: Annotated[
        bool, typer.Option("--recalculate-limits", help="Calculate the limits of every group anew.")
    ] = False,
    no_ai: Annotated[
        bool, typer.Option("--no-ai", help="Ask no model: recommendations worded before stay, the rules word the rest.")
    ] = False,
    ai_budget: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="What the run may spend on the model.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Wait so long for another run to end, not at all by default."),
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Bring gold up to date with bronze: read new files, build, test, publish.

    Exit codes: 0 done or nothing new, 1 failed, 2 bad usage, 3 another run holds the lake, 4 published but some files
    or clients need a look.
    """
    from tribolake.cli.tables import print_run  # noqa: PLC0415 - a run with nothing new needs no tables
    from tribolake.run.pipeline import run as run_pipeline  # noqa: PLC0415
    from tribolake.settings import load_settings  # noqa: PLC0415

    with explained_errors():
        if no_ai and ai_budget is not None:
            raise ConfigurationError("--no-ai asks no model, so there is nothing for --ai-budget: give one of the two")
        settings = load_settings(lake=lake, ai_budget_usd=ai_budget)
        if ai_budget is not None and not settings.asks_a_model:
            typer.echo("tribolake: no key is set, so no model is asked and nothing is spent: OPENAI_API_KEY", err=True)
        progress = ProgressLines()
        if settings.trigger.type or settings.trigger.source_file:
            # Anybody who may put a file into bronze chooses its name.
            progress(f"started by {settings.trigger.type or 'somebody'!a} {settings.trigger.source_file!a}")
        try:
            report = waiting_for_the_lake(wait)(
                run_pipeline,
                settings,
                policy=policy,
                clients=client,
                full_refresh=full_refresh,
                recalculate_limits=recalculate_limits,
                asks_a_model=not no_ai,
                progress=progress,
            )
        finally:
            progress.done()
        if as_json:
            print_json(report.as_dict())
        else:
            print_run(report, settings)
        raise typer.Exit(Exit.NEEDS_A_LOOK if report.needs_a_look else Exit.OK)


@app.command(epilog="**Examples**\n\n`tribolake status`\n\n`tribolake status --client cda --json`")
def status(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """Show the fleet as it was last published, the last run, and the files that wait or failed."""
    from tribolake.cli.tables import print_status  # noqa: PLC0415
    from tribolake.oil.status import lake_status  # noqa: PLC0415
    from tribolake.settings import load_settings  # noqa: PLC0415

    with explained_errors():
        settings = load_settings(lake=lake)
        found = lake_status(settings, client)
        if as_json:
            print_json(found.as_dict())
        else:
            print_status(found)


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake synth --lake /tmp/lake`\n\n"
    "`tribolake synth --lake /tmp/lake --finning-units 70 --months 60 --seed 7`"
)
def synth(
    lake: LakeOption = None,
    client: ClientOption = None,
    seed: Annotated[int, typer.Option(help="Same seed, same files.")] = 42,
    finning_units: Annotated[int, typer.Option(help="Trucks with a workbook each.")] = 7,
    als_units: Annotated[int, typer.Option(help="Machines in the ALS table.")] = 40,
    months: Annotated[int, typer.Option(help="Months of samples.")] = 24,
    end: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day sampled.")] = datetime(2026, 1, 31),
    clean: Annotated[bool, typer.Option("--clean", help="Without dirty cells and retests.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write sample laboratory files of both laboratories, with episodes of known truth, into a lake."""
    from tribolake.oil.synth import write_sample_lake  # noqa: PLC0415
    from tribolake.settings import load_settings  # noqa: PLC0415

    with explained_errors():
        settings = _in_a_folder(load_settings(lake=lake))
        progress = ProgressLines()
        try:
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
            progress.done()
            typer.echo(f"tribolake: {error}", err=True)
            raise typer.Exit(Exit.USAGE) from error
        progress.done()
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


@app.command(epilog="**Examples**\n\n`tribolake docs`\n\n`tribolake docs --output site/index.html`")
def docs(
    lake: LakeOption = None,
    output: Annotated[Path | None, typer.Option(help="Where to put it.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the documentation of every table and its lineage as one HTML file that opens from disk."""
    from tribolake.run.dbt import Dbt  # noqa: PLC0415
    from tribolake.settings import load_settings  # noqa: PLC0415

    with explained_errors():
        settings = load_settings(lake=lake)
        page = _write_docs(Dbt(settings), settings.lake, output)
        if as_json:
            print_json({"docs": str(page)})
        else:
            typer.echo(page)


@app.command(epilog="**Examples**\n\n`tribolake demo`\n\n`tribolake demo --lake /tmp/demo`")
def demo(lake: LakeOption = None) -> None:
    """Write sample laboratory files, run the whole job on them, and show the fleet."""
    from tribolake.cli.tables import print_run, print_status  # noqa: PLC0415
    from tribolake.lake import open_lake  # noqa: PLC0415
    from tribolake.oil.status import lake_status  # noqa: PLC0415
    from tribolake.oil.synth import write_sample_lake  # noqa: PLC0415
    from tribolake.run.dbt import Dbt  # noqa: PLC0415
    from tribolake.run.pipeline import run as run_pipeline  # noqa: PLC0415
    from tribolake.settings import PROJECT_DIR, load_settings  # noqa: PLC0415

    with explained_errors():
        settings = _in_a_folder(load_settings(lake=lake or PROJECT_DIR / "data" / "demo"))
        progress = ProgressLines()
        if not open_lake(settings).list_bronze():
            write_sample_lake(settings.lake, on_file=lambda path: progress(f"write {path.name}"))
        report = run_pipeline(settings, progress=progress)
        progress("docs")
        page = _write_docs(Dbt(settings), settings.lake, None)
        progress.done()
        print_status(lake_status(settings, None))
        print_run(report, settings)
        typer.echo(f"documentation: {page}")


def _in_a_folder(settings: Settings) -> Settings:
    if settings.uses_s3:
        raise ConfigurationError(
            f"sample files are written into folders: give --lake DIR without STORAGE_MODE, then copy them to "
            f"{settings.address}"
        )
    return settings


def _write_docs(dbt: Dbt, lake: Path, output: Path | None) -> Path:
    page = output or lake / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(dbt.write_docs(), page))


app.command(
    epilog="**Examples**\n\n"
    "`tribolake watch --lake /srv/lake`\n\n"
    "`tribolake watch --lake /mnt/share --polling`  a network mount, which sends no events\n\n"
    "`tribolake watch --json >> runs.jsonl`  one line per run"
)(watch)
app.command(
    epilog="**Examples**\n\n"
    "`tribolake history --unit T-09 --component motor`\n\n"
    "`tribolake history --as-of 2026-01-31`  the fleet as readers saw it that evening"
)(history)
app.command(
    epilog="**Examples**\n\n"
    "`tribolake fetch classified_reports --client cda`  as readers see it now\n\n"
    "`tribolake fetch stewart_limits --client cda --as-of 2026-01-31 --output limits.parquet`\n\n"
    "`tribolake fetch judging_limits --client cda --version default-2ffb3618fc06 --lake s3://mining-data-mesh`"
)(fetch)
app.command(
    epilog="**Examples**\n\n"
    "`tribolake lineage s3://mining-data-mesh/oil-analysis/gold/cda/classified_reports.parquet`\n\n"
    "`tribolake lineage data/oil-analysis/gold/cda/stewart_limits.parquet`\n\n"
    "`tribolake lineage 2026-000123 --client emin`  a sample, down to its row in the laboratory's file\n\n"
    "`tribolake lineage default-2ffb3618fc06`  a version of limits"
)(lineage)
app.command(
    epilog="**Examples**\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b`\n\n"
    "`tribolake reprocess --as-of 20260131T060000000000Z-1a2b --client cda --into /tmp/again --json`"
)(reprocess)
app.command(
    epilog="**Examples**\n\n"
    '`tribolake query "select report_status, count(*) from classified_reports group by all"`\n\n'
    '`tribolake query "from machine_status_current order by priority_score desc" --client cda --csv > fleet.csv`\n\n'
    '`tribolake query "show tables" --lake s3://mining-data-mesh`'
)(query)
app.add_typer(arrivals, name="arrivals", no_args_is_help=True)
app.add_typer(limits, name="limits", no_args_is_help=True)
app.add_typer(lake_commands, name="lake", no_args_is_help=True)
app.add_typer(recommendations, name="recommendations", no_args_is_help=True)
