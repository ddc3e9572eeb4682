"""`tribolake limits`: show and compare limits, check other seeds, and show why limits were calculated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.limits_tables import print_check, print_decisions, print_limits_diff
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
from tribolake.cli.question_tables import print_limits
from tribolake.oil.limits.check import check_seeds
from tribolake.oil.limits.decisions_log import last_decisions
from tribolake.oil.limits.diff import diff_limits
from tribolake.oil.questions.limits import show_limits

app = new_app()


@app.callback()
def limits() -> None:
    """Show and compare limits, check other seeds, and show why limits were calculated."""


@app.command(
    epilog="**Example**\n\n`tribolake limits diff default-2ffb3618fc06 default-91a04c7be2d1`\n\n"
    "Versions are in the column `limits_version` of gold and under `silver/stewart_limits/`."
)
def diff(
    a: Annotated[str, typer.Argument(help="Version before.")],
    b: Annotated[str, typer.Argument(help="Version after.")],
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the limits that differ between two versions, and the samples whose status would change."""
    with explained_errors():
        found = diff_limits(open_settings(lake=lake), a, b)
        if as_json:
            print_json(found.as_dict())
        else:
            print_limits_diff(found)


@app.command(
    epilog="**Examples**\n\n`tribolake limits check --lake s3://BUCKET`\n\n"
    "`tribolake limits check --seeds ../pull-request --client cda --json`\n\n"
    "Exit 4: alarms with a confirmed finding would be lost. 0: none would. The run after a change of seeds calculates "
    "all limits again, and so does this. Seeds that say how files are read change nothing here."
)
def check(
    seeds: Annotated[
        Path | None,
        typer.Option(
            "--seeds",
            metavar="DIR",
            help="A checkout, or its folder of seeds. [default: those of this installation]",
            show_default=False,
        ),
    ] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge published samples by other seeds: alarms before and after, and each report that would change."""
    with explained_errors(as_json=as_json):
        found = check_seeds(open_settings(lake=lake), seeds, client)
        lost = sum(len(one.impact.lost) for one in found)
        if as_json:
            print_json({"clients": [one.as_dict() for one in found], "lost": lost})
        else:
            print_check(found)
        if lost:
            raise typer.Exit(Exit.NEEDS_A_LOOK)


@app.command(epilog="**Example**\n\n`tribolake limits decisions --client cda`")
def decisions(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """Show the last decision about the limits of each group: calculated again or kept, and why."""
    with explained_errors():
        found = last_decisions(open_settings(lake=lake), client)
        if as_json:
            print_json({"decisions": found})
        else:
            print_decisions(found)


@app.command(
    epilog="**Examples**\n\n`tribolake limits show --machine 789c --component transmision`\n\n"
    "`tribolake limits show --machine camion --component motor --essay hierro --json`"
)
def show(
    machine: Annotated[str | None, typer.Option(metavar="NAME", help="Only this kind of machine or model.")] = None,
    component: Annotated[str | None, typer.Option(metavar="NAME", help="Only this component family.")] = None,
    essay: Annotated[str | None, typer.Option(metavar="NAME", help="Only this essay.")] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the limits that judge today, from published files. Case and accents of names do not count."""
    with explained_errors(as_json=as_json):
        settings = open_settings(lake=lake)
        found = show_limits(settings, machine=machine, component=component, essay=essay, clients=client)
        if as_json:
            print_json({"limits": found})
        else:
            print_limits(found)
