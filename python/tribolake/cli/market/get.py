"""`tribolake market get`: the values of a ticker."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from tribolake.cli.market.tables import print_values
from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.market.retrieval import get_values
from tribolake.products import MARKET

app = new_app()
DAY = ["%Y-%m-%d"]


@app.command(
    epilog="**Examples**\n\n`tribolake market get indicators NVDA`\n\n"
    "`tribolake market get percentiles D05.SI --session 2025-01-15 --json`\n\n"
    "`tribolake market get indicators NVDA --session 2024-06-06 --as-known-on 2024-06-07`"
)
def get(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="indicators, percentiles or features.")],
    symbol: Annotated[str, typer.Argument(metavar="TICKER", help="Yahoo's symbol.")],
    lake: LakeOption = None,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=DAY, help="Computed on this day (UTC).", show_default=False)
    ] = None,
    session: Annotated[
        datetime | None, typer.Option(formats=DAY, help="Values of this day of the market.", show_default=False)
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(help="A timestamp such as 20250115_120000, the id of a version, or a computation version."),
    ] = None,
    as_known_on: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="Compute from what was fetched until the end of this day (UTC)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the values of a ticker that were stored last, or those of a day, a session or a version.

    With --as-known-on, they are computed from the responses, splits and dividends that were known on a day.
    """
    with explained_errors(as_json=as_json):
        found = get_values(
            MARKET.of(open_settings(lake=lake)), kind, symbol,
            day=_day(day), session=_day(session), version=version, as_known_on=_day(as_known_on),
        )  # fmt: skip
        if as_json:
            print_json(found)
        else:
            print_values(found)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
