"""`tribolake rejected`: list what was delivered and is not used."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from tribolake.cli.console import SHOWN_ROWS, new_table, open_console
from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import not_a_formula, printable
from tribolake.oil.rejections import list_rejected
from tribolake.run.rejections import SHOWN_CHARACTERS, format_example
from tribolake.texts import cut, one_line

app = new_app()


@app.callback()
def rejected() -> None:
    """List what was delivered and is not used: files, sheets, columns, rows, fields and values."""


@app.command(
    "list",
    epilog="**Examples**\n\n"
    "`tribolake rejected list`\n\n"
    "`tribolake rejected list --client cda --file T-09.xlsx`\n\n"
    "`tribolake rejected list --reason not_a_number --reason unknown_code --csv > cells.csv`\n\n"
    "The seed `rejection_reasons` says what each reason means and what to do.",
)
def list_(
    lake: LakeOption = None,
    client: ClientOption = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PATH", help="Only this file, by its path or name; may be repeated."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="REASON", help="Only this reason; may be repeated."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List what is not used of the files that are live, with the reason, the place and the text."""
    with explained_errors():
        found = list_rejected(open_settings(lake=lake), clients=client, files=file, reasons=reason)
        if as_json:
            print_json({"rejected": found})
        elif as_csv:
            _print_csv(found)
        else:
            _print_table(found)


def _print_csv(found: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(found[0].keys() if found else ())
    writer.writerows(
        [not_a_formula(one_line(value)) if isinstance(value, str) else value for value in row.values()] for row in found
    )


def _print_table(found: Sequence[Mapping[str, Any]]) -> None:
    """Print what is not used, one thing in a line."""
    if not found:
        open_console().print("Everything that was delivered is used.")
        return
    table = new_table("client", "reason", "file", "where", "sample", "essay", "text")
    for one in found[:SHOWN_ROWS]:
        where = format_example({"sheet": one["sheet"], "row": one["row"], "column": one["column_name"]})
        text = one["text"] if one["text"] is not None else one["detail"]
        values = (one["client"], one["reason"], one["file"], where, one["sampleNumber"], one["essay"], text)
        table.add_row(*(printable(cut(value, SHOWN_CHARACTERS)) if value else "" for value in values))
    console = open_console()
    console.print(table)
    if len(found) > SHOWN_ROWS:
        console.print(f"Only {SHOWN_ROWS} of {len(found):,} are shown: --csv and --json show all")
