"""`tribolake show`: a report and a machine, with what they stand on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.question_tables import print_change, print_machine, print_report
from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.status_change import change_of, question_of
from tribolake.oil.questions.machine import show_machine
from tribolake.oil.questions.report import show_report

app = new_app()


@app.callback()
def show() -> None:
    """Show a report or a machine, from published files."""


@app.command(
    epilog="**Examples**\n\n`tribolake show report 2026-000123`\n\n"
    "`tribolake show report 2026-000123@1f3a --client emin --json`  one of several samples with this number\n\n"
    "`tribolake show report 2026-000123 --change`  what would lower or raise its status"
)
def report(
    sample: Annotated[str, typer.Argument(help="Number of the sample, or NUMBER@OCCURRENCE.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    change: Annotated[
        bool, typer.Option("--change", help="Judge the sample again, and show what would lower or raise its status.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the values of a report with the limits that judged them, the sample before, the text, and file and row."""
    with explained_errors(as_json=as_json):
        settings = open_settings(lake=lake)
        found = show_report(settings, sample, client)
        changes = change_of(settings, *question_of(open_objects(settings), found.report)) if change else None
        if as_json:
            print_json(found.as_dict() | ({"change": asdict(changes)} if changes else {}))
        else:
            print_report(found)
            if changes:
                print_change(found, changes)


@app.command(epilog="**Examples**\n\n`tribolake show machine T-09`\n\n`tribolake show machine ct_180 --json`")
def machine(
    unit: Annotated[str, typer.Argument(help="The unit. `T-09` and `t_09` are the same.")],
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a machine: deadline, text, and its components in the order in which to look at them."""
    with explained_errors(as_json=as_json):
        found = show_machine(open_settings(lake=lake), unit, client, datetime.now(UTC).date())
        if as_json:
            print_json(found.as_dict())
        else:
            print_machine(found)
