"""`tribolake market lineage`: a value down to its bytes, an object down to its sources, a response up to its values."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from tribolake.cli.market.lineage_tables import print_origin, print_uses, print_value_lineage
from tribolake.cli.options import (
    Exit,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.errors import ConfigurationError
from tribolake.market.object_lineage import ObjectOrigin, lineage_of_object
from tribolake.market.value_lineage import lineage_of_value
from tribolake.products import MARKET
from tribolake.settings import Settings

app = new_app()


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake market lineage NVDA 2025-01-15 rsi_14`  a value, down to the numbers in the responses\n\n"
    "`tribolake market lineage processed/indicators/NVDA/2025-01-15/20250115_123000.json`  down to its responses\n\n"
    "`tribolake market lineage raw/yfinance/NVDA/2025-01-15/20250115_120000.json`  up to all computed from it"
)
def lineage(
    what: Annotated[str, typer.Argument(metavar="TICKER|KEY", help="Yahoo's symbol, or the key of an object.")],
    session: Annotated[
        datetime | None, typer.Argument(formats=["%Y-%m-%d"], help="Day of the market.", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Such as rsi_14, rsi_14_percentile or beta_90.", show_default=False),
    ] = None,
    lake: LakeOption = None,
    computation_version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Of the formula. [default: that of the seed]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a value or an object was computed from, or what was computed from a response.

    Raw objects are fetched again, in the versions that were used, and compared: their SHA-256, and each number.

    Exit codes: 0 all is as it was, 2 bad usage, 4 an object is gone, or a byte or a value differs.
    """
    with explained_errors(as_json=as_json):
        settings = MARKET.of(open_settings(lake=lake))
        if "/" in what:
            if session or name or computation_version:
                raise ConfigurationError("give a key alone, or a ticker with a session and a name")
            ended = _of_object(settings, what, as_json)
        else:
            if session is None or name is None:
                raise ConfigurationError("give a session and a name: `market lineage NVDA 2025-01-15 rsi_14`")
            ended = _of_value(settings, what, session.date(), name, computation_version, as_json)
        raise typer.Exit(ended)


def _of_value(settings: Settings, symbol: str, session: date, name: str, version: str | None, as_json: bool) -> Exit:
    found = lineage_of_value(settings, symbol, session, name, version)
    if as_json:
        print_json(found.as_dict())
    else:
        print_value_lineage(found)
    return Exit.NEEDS_A_LOOK if found.problems else Exit.OK


def _of_object(settings: Settings, key: str, as_json: bool) -> Exit:
    found = lineage_of_object(settings, key)
    if as_json:
        print_json(found.as_dict())
    elif isinstance(found, ObjectOrigin):
        print_origin(found)
    else:
        print_uses(found)
    return Exit.NEEDS_A_LOOK if found.problems else Exit.OK
