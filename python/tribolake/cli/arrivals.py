"""`tribolake arrivals`: list files that arrived, and retry those that failed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tribolake.cli.console import format_time, new_table, open_console
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
from tribolake.oil.arrivals import list_arrivals, list_failed, retry_arrivals

app = new_app()


@app.callback()
def arrivals() -> None:
    """List files that arrived, and retry files and rows that failed."""


@app.command(
    "list", epilog="**Examples**\n\n`tribolake arrivals list`\n\n`tribolake arrivals list --failed --client cda`"
)
def list_(
    lake: LakeOption = None,
    client: ClientOption = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only files that cannot be read and rows that cannot be used.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the files that arrived, with their status and row counts."""
    with explained_errors():
        settings = open_settings(lake=lake)
        if failed:
            rejected = list_failed(settings, client)
            print_json(rejected) if as_json else _print_failed(rejected)
        else:
            found = list_arrivals(settings, client)
            print_json({"arrivals": found}) if as_json else _print_arrivals(found)


@app.command(
    epilog="**Examples**\n\n`tribolake arrivals retry`  all failed files and rejected rows\n\n"
    "`tribolake arrivals retry oil-analysis/bronze/cda/2026-01-31/T-09.xlsx`"
)
def retry(
    files: Annotated[list[str] | None, typer.Argument(help="Paths below the lake, as `list --failed` shows.")] = None,
    lake: LakeOption = None,
    client: ClientOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the next run read failed files again and check rejected rows again."""
    with explained_errors():
        chosen = retry_arrivals(open_settings(lake=lake), files or [], client)
        if as_json:
            print_json(chosen)
        else:
            typer.echo(
                f"the next run reads {len(chosen['files'])} files again and checks the rejected rows of "
                f"{len(chosen['rows'])} files again: start `tribolake run`, or wait for the watcher"
            )


def _print_arrivals(found: list[dict[str, Any]]) -> None:
    """Print files that arrived, the latest first."""
    numbers = ("read", "loaded", "superseded", "rejected")
    table = new_table("arrived", "client", "file", "status", *numbers, right=numbers)
    for arrival in found:
        counts = (f"{arrival[f'rows_{name}']:,}" for name in numbers)
        table.add_row(
            format_time(arrival["arrived_at"]),
            printable(arrival["client"]),
            printable(arrival["file"]),
            arrival["status"],
            *counts,
        )
    open_console().print(table)


def _print_failed(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print unreadable files and unusable rows with the reason."""
    console = open_console()
    for file in found["files"]:
        console.print(f"[red]file[/red] {printable(file['file'])} ({file['attempts']}×): {printable(file['problem'])}")
    for rows in found["rows"]:
        console.print(
            f"[yellow]{rows['rows']:,} rows[/yellow] {printable(rows['file'])} from row {rows['first_row']}: "
            f"{rows['meaning']} ({rows['reason']})"
        )
    if not (found["files"] or found["rows"]):
        console.print("Every file was read, and every row was used.")
