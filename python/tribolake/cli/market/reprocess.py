"""`tribolake market reprocess`: compare computation versions, make one current, or compute a run again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tribolake.cli.console import new_table, open_console
from tribolake.cli.lineage_tables import print_reprocessed
from tribolake.cli.market.tables import print_deliveries
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
from tribolake.errors import ConfigurationError
from tribolake.market.deliver import deliver_pending
from tribolake.market.reprocess import RunAgain, reprocess_run
from tribolake.market.version_comparison import VersionComparison, compare_versions
from tribolake.products import MARKET
from tribolake.settings import Settings

app = new_app()
SHOWN_OBJECTS = 20
NUMBERS = ("sessions", "differ", "in one only", "greatest difference", "flips")


@app.command(
    epilog="**Examples**\n\n`tribolake market reprocess --computation-version 1.0 --against reference`\n\n"
    "`tribolake market reprocess --computation-version 1.0 --against reference --ticker NVDA "
    "--as-known-on 2024-06-07`\n\n"
    "`tribolake market reprocess --computation-version reference --apply`  makes it current\n\n"
    "`tribolake market reprocess --as-of 20260131T060000000000Z-1a2b`  a run: identical, or why not"
)
def reprocess(
    computation_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="A row of the seed `computations`.", show_default=False)
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version to compare it with.", show_default=False)
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make it current: another processed object of each ticker has its values.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="RUN", help="Compute this run again, and compare.", show_default=False)
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="With --as-of, an empty folder for the result.", file_okay=False)
    ] = None,
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
    """Compute versions of the indicators from the raw objects: compare two, make one current, or check a run.

    A signal flips where only one of the versions is beyond a threshold of the seed `thresholds`. Only --apply stores
    something, and not if some tickers cannot be compared.

    With --as-of a run is computed again from exactly the raw objects that it used, in another lake, and its tables and
    processed objects are compared.

    Exit codes: 0 done, 1 raw objects of the run are gone, 2 bad usage, 3 a run holds the lake, 4 some tickers are not
    compared, not all is delivered, or something of the run differs.
    """
    with explained_errors(as_json=as_json):
        if as_of is not None:
            if computation_version or against or apply or ticker or as_known_on:
                raise ConfigurationError("give --as-of RUN alone, or with --into")
            raise typer.Exit(_again(MARKET.of(open_settings(lake=lake)), as_of, into, quiet=quiet, as_json=as_json))
        if computation_version is None or into is not None:
            raise ConfigurationError("give --computation-version VERSION, or --as-of RUN, which --into belongs to")
        if not (against or apply):
            raise ConfigurationError("give --against VERSION, --apply, or both")
        if apply and (ticker or as_known_on):
            raise ConfigurationError("--apply is for all tickers and for what is known now: give it alone")
        settings = MARKET.of(open_settings(lake=lake))
        said: dict[str, Any] = {}
        needs_a_look = False
        with ProgressLines(quiet) as progress:
            if against:
                day = as_known_on.date() if as_known_on else None
                found = compare_versions(
                    settings, computation_version, against, symbols=ticker or (), as_known_on=day, progress=progress
                )
                said, needs_a_look = found.as_dict(), bool(found.problems)
                if not as_json:
                    print_comparison(found)
            if apply and not needs_a_look:
                done = deliver_pending(MARKET, settings, progress, version=computation_version)
                said, needs_a_look = said | {"deliveries": done.report}, done.needs_a_look
                if not as_json:
                    typer.echo(f"{computation_version} is the current computation version")
                    print_deliveries(done.report)
        if as_json:
            print_json(said)
        raise typer.Exit(Exit.NEEDS_A_LOOK if needs_a_look else Exit.OK)


def _again(settings: Settings, run_id: str, into: Path | None, *, quiet: bool, as_json: bool) -> Exit:
    with ProgressLines(quiet) as progress:
        found = reprocess_run(settings, run_id, into=into, progress=progress)
    if as_json:
        print_json(found.as_dict())
    else:
        _print_again(found)
    return Exit.OK if found.is_identical else Exit.NEEDS_A_LOOK


def _print_again(found: RunAgain) -> None:
    print_reprocessed(found.tables)
    console = open_console()
    differing = [one for one in found.objects if one.differing]
    console.print(f"{len(found.objects) - len(differing):,} of {len(found.objects):,} processed objects are the same")
    for one in differing[:SHOWN_OBJECTS]:
        console.print(f"[red]differs[/red] {printable(one.key)}: {printable(', '.join(one.differing))}")
    for note in found.notes:
        console.print(f"[yellow]note[/yellow] {printable(note)}")


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
