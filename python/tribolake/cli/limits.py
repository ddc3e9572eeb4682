"""`tribolake limits`: show limits, compare their versions, and show why they were calculated."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.limits_tables import print_decisions, print_limits_diff
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.question_tables import print_limits
from tribolake.oil.limits.decisions_log import last_decisions
from tribolake.oil.limits.diff import diff_limits
from tribolake.oil.questions.limits import show_limits

app = new_app()


@app.callback()
def limits() -> None:
    """Show limits, compare their versions, and show why they were calculated."""


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
