"""`tribolake run`: bring gold up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.log import log
from tribolake.cli.options import (
    Exit,
    InitOption,
    JsonOption,
    LakeOption,
    ProgressLines,
    QuietOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
    retry_while_busy,
)
from tribolake.cli.run_tables import print_run
from tribolake.errors import ConfigurationError
from tribolake.lake import require_bronze
from tribolake.products import OIL
from tribolake.run.garbage import no_garbage_collection
from tribolake.run.pipeline import run as run_pipeline

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake run`  reads new files of ./data\n\n"
    "`tribolake run --lake /srv/lake --client cda --json`\n\n"
    "`tribolake run --policy reference`  judges exactly as the former production code"
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
        bool, typer.Option("--recalculate-limits", help="Calculate the limits of every group again.")
    ] = False,
    no_ai: Annotated[
        bool,
        typer.Option("--no-ai", help="Ask no model. Worded recommendations stay, the rules word the rest."),
    ] = False,
    ai_budget: Annotated[
        float | None, typer.Option(metavar="USD", min=0, help="Most USD that the run may spend on the model.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Wait up to this long for another run to end."),
    ] = 0,
    init: InitOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring gold up to date with bronze: read new files, build, test, publish.

    Exit codes: 0 done or nothing new, 1 failed, 2 bad usage, 3 another run holds the lake, 4 published, but some
    files or clients need a look, 130 stopped by Ctrl-C or SIGTERM.
    """
    with explained_errors(as_json=as_json):
        if no_ai and ai_budget is not None:
            raise ConfigurationError("--no-ai asks no model, so --ai-budget has no effect: give one of the two")
        settings = open_settings(lake=lake, ai_budget_usd=ai_budget)
        if ai_budget is not None and not settings.asks_a_model:
            log("no key is set, so no model is asked: set OPENAI_API_KEY", "warning")
        require_bronze(settings, is_new=init)
        # The process ends with the run: looking for garbage takes a thirtieth of it and frees little.
        with ProgressLines(quiet) as progress, no_garbage_collection():
            if settings.trigger.type or settings.trigger.source_file:
                # Everyone who can write into bronze chooses file names.
                progress(f"started by {settings.trigger.type or 'unknown'!a} {settings.trigger.source_file!a}")
            report = retry_while_busy(wait)(
                run_pipeline,
                OIL,
                settings,
                policy=policy,
                clients=client,
                full_refresh=full_refresh,
                recalculate_limits=recalculate_limits,
                asks_a_model=not no_ai,
                progress=progress,
                notice=progress.notice,
            )
        if as_json:
            print_json(report.as_dict())
        elif not quiet or report.needs_a_look:
            print_run(report, settings)
        raise typer.Exit(Exit.NEEDS_A_LOOK if report.needs_a_look else Exit.OK)
