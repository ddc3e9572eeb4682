"""`tribolake market reprocess`: compare two computation versions on the same raw objects."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tribolake.cli.console import new_table, open_console
from tribolake.cli.options import (
    Exit,
    JsonOption,
    LakeOption,
    ProgressLines,
    QuietOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.printable import printable
from tribolake.products import MARKET

if TYPE_CHECKING:
    from tribolake.market.version_comparison import VersionComparison

app = new_app()
NUMBERS = ("sessions", "differ", "in one only", "greatest difference", "flips")


@app.command(
    epilog="**Examples**\n\n`tribolake market reprocess --computation-version 1.0 --against reference`\n\n"
    "`tribolake market reprocess --computation-version 1.0 --against reference --ticker NVDA --as-known-on 2024-06-07`"
)
def reprocess(
    computation_version: Annotated[str, typer.Option(metavar="VERSION", help="A row of the seed `computations`.")],
    against: Annotated[str, typer.Option(metavar="VERSION", help="The version to compare it with.")],
    lake: LakeOption = None,
    ticker: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="Only this symbol; may be repeated.")
    ] = None,
    as_known_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only what was fetched until the end of this day (UTC)."),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute two versions of the indicators from the raw objects, and show how they differ. Nothing is stored.

    A signal flips where only one of the versions is beyond a threshold of the seed `thresholds`.

    Exit codes: 0 compared, 2 bad usage, 4 some tickers are not compared: they are named.
    """
    with explained_errors(as_json=as_json):
        # It imports TA-Lib, which other commands do not need.
        from tribolake.market.version_comparison import compare_versions  # noqa: PLC0415

        day = as_known_on.date() if as_known_on else None
        with ProgressLines(quiet) as progress:
            found = compare_versions(
                MARKET.of(open_settings(lake=lake)), computation_version, against,
                symbols=ticker or (), as_known_on=day, progress=progress,
            )  # fmt: skip
        if as_json:
            print_json(found.as_dict())
        else:
            print_comparison(found)
        raise typer.Exit(Exit.NEEDS_A_LOOK if found.problems else Exit.OK)


def print_comparison(found: VersionComparison) -> None:
    """Print how each indicator differs between two versions."""
    console = open_console()
    known = f", as known on {found.as_known_on}" if found.as_known_on else ""
    versions = f"{printable(found.computation_version)} against {printable(found.against)}"
    table = new_table(
        "indicator", "sessions", "differ", "in one only", "first day", "greatest difference", "on", "of", "flips",
        "first flip", title=f"{versions}, {len(found.tickers):,} tickers{known}", right=NUMBERS,
    )  # fmt: skip
    for one in found.indicators:
        greatest = "" if one.greatest_difference is None else f"{one.greatest_difference:.6g}"
        table.add_row(
            one.indicator, f"{one.sessions:,}", f"{one.differing:,}", f"{one.in_one_only:,}",
            str(one.first_day or ""), greatest, *(
                (str(one.greatest_day), printable(one.greatest_ticker)) if one.greatest_day else ("", "")
            ),
            f"{one.flips:,}", str(one.first_flip or ""),
        )  # fmt: skip
    console.print(table)
    for problem in found.problems:
        console.print(f"[red]problem[/red] {printable(problem)}")
