"""`tribolake feedback`: say what became of an alarm, take it back, and list what was said."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from tribolake.cli.console import SHOWN_ROWS, format_time, open_console
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import printable
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.entry import Entry
from tribolake.oil.feedback.give import ListedFeedback, give, list_feedback, withdraw
from tribolake.texts import cut, one_line

app = new_app()
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says it. Nothing checks the name.")]
NoteOption = Annotated[str, typer.Option(metavar="TEXT", help="Up to 2,000 characters.")]
LONGEST_SAID = 60
LONGEST_NOTE = 400


class Given(StrEnum):
    """What can be said of a report."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    NOTHING_FOUND = "nothing_found"
    ASSIGNED = "assigned"
    DUE = "due"


@app.callback()
def feedback() -> None:
    """Say what became of an alarm, take it back, and list what was said."""


@app.command(
    epilog="**Examples**\n\n"
    '`tribolake feedback add 2026-000123 seen --by "A. Rojas"`\n\n'
    '`tribolake feedback add 2026-000123 confirmed --by "A. Rojas" --finding "worn bearing" --cost-usd 12000`\n\n'
    '`tribolake feedback add 2026-000123 assigned --by "A. Rojas" --to "Shift B"`\n\n'
    '`tribolake feedback add 2026-000123 due --by "A. Rojas" --on 2026-12-04`'
)
def add(
    sample: Annotated[str, typer.Argument(help="Number of the sample, or `NUMBER@OCCURRENCE`.")],
    kind: Annotated[Given, typer.Argument(help="What is said of it.")],
    by: ByOption,
    note: NoteOption = "",
    finding: Annotated[str | None, typer.Option(metavar="TEXT", help="What was found, if confirmed.")] = None,
    cost_usd: Annotated[float | None, typer.Option(metavar="USD", help="Cost that was saved, if confirmed.")] = None,
    hours_saved: Annotated[float | None, typer.Option(metavar="H", help="Hours that were saved, if confirmed.")] = None,
    to: Annotated[str | None, typer.Option(metavar="NAME", help="Who takes care of it, if assigned.")] = None,
    on: Annotated[
        datetime | None, typer.Option(metavar="DAY", formats=["%Y-%m-%d"], help="When it is to be done, if due.")
    ] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say something of a published report. No limit and no status changes by it.

    Exit codes: 0 stored, 1 the lake cannot store it, 2 there is no such report, or a value cannot be used.
    """
    with explained_errors(as_json=as_json):
        entry = give(
            open_settings(lake=lake),
            sample,
            kind.value,
            by,
            datetime.now(UTC),
            client,
            note=note,
            finding=finding,
            cost_usd=cost_usd,
            hours_saved=hours_saved,
            assigned_to=to,
            due_on=on.date() if on else None,
        )
        _print_stored(entry, as_json=as_json)


@app.command(
    "withdraw", epilog='**Example**\n\n`tribolake feedback withdraw 01M8KF1Y51R9AJAXVTDBDJRME4 --by "A. Rojas"`'
)
def withdraw_(
    entry: Annotated[str, typer.Argument(help="Id of the entry, as `list` shows it.")],
    by: ByOption,
    note: NoteOption = "",
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an entry back. It stays in the lake, and another entry says that it no longer stands."""
    with explained_errors(as_json=as_json):
        settings = open_settings(lake=lake)
        stored = withdraw(settings, open_objects(settings), entry.upper(), by, datetime.now(UTC), note=note)
        _print_stored(stored, as_json=as_json)


@app.command(
    "list",
    epilog="**Examples**\n\n`tribolake feedback list --client cda`\n\n`tribolake feedback list --json --lake s3://BUCKET`",
)
def list_(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """List what was said, the latest first, and objects among the entries that cannot be read."""
    with explained_errors(as_json=as_json):
        found = list_feedback(open_objects(open_settings(lake=lake)), client)
        if as_json:
            print_json(found.as_dict())
        else:
            _print_feedback(found)


def _print_stored(entry: Entry, *, as_json: bool) -> None:
    if as_json:
        print_json({"entry": entry.model_dump(mode="json", exclude_none=True)})
    else:
        typer.echo(
            f"{entry.entry_id} {entry.kind}: {entry.client.upper()} {one_line(entry.unit_id)} "
            f"{one_line(entry.component)}, sample {one_line(entry.sample_number)}"
        )


def _print_feedback(found: ListedFeedback) -> None:
    """Print an entry a line, with what it says on the next one: a table would wrap the ids."""
    console = open_console()
    for entry in found.feedback.entries[: -SHOWN_ROWS - 1 : -1]:
        names = (printable(cut(text, LONGEST_SAID)) for text in (entry.unit_id, entry.component, entry.sample_number))
        stands = entry.kind == "withdrawn" or entry.entry_id in found.stand
        console.print(
            f"{entry.entry_id}  {format_time(entry.written_at)}  {entry.kind}{'' if stands else ' (withdrawn)'}  "
            f"{entry.client.upper()} {' '.join(names)}, by {printable(entry.written_by)}"
        )
        if said := _said(entry):
            console.print(f"    {printable(cut(said, LONGEST_NOTE))}")
    if not found.feedback.entries:
        console.print("No feedback.")
    if len(found.feedback.entries) > SHOWN_ROWS:
        console.print(f"Only the latest {SHOWN_ROWS} of {len(found.feedback.entries):,} are shown: --json shows all")
    for bad in found.feedback.unreadable:
        console.print(f"[yellow]unread feedback[/yellow] {printable(bad.key)}: {printable(bad.problem)}")


def _said(entry: Entry) -> str:
    """Return what an entry says besides its kind, in one text."""
    parts = [
        entry.finding,
        f"{entry.cost_usd:g} USD" if entry.cost_usd is not None else None,
        f"{entry.hours_saved:g} h" if entry.hours_saved is not None else None,
        f"to {entry.assigned_to}" if entry.assigned_to else None,
        f"until {entry.due_on}" if entry.due_on else None,
        entry.withdraws,
        entry.note,
    ]
    return "; ".join(part for part in parts if part)
