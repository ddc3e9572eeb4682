"""`tribolake market versions`: the stored computations of a ticker."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.market.tables import print_versions
from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.errors import ConfigurationError
from tribolake.market.market_lake import MarketLake
from tribolake.market.processed import KINDS
from tribolake.products import MARKET

app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake market versions NVDA`\n\n`tribolake market versions NVDA --type features --json`"
)
def versions(
    symbol: Annotated[str, typer.Argument(metavar="TICKER", help="Yahoo's symbol.")],
    lake: LakeOption = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="indicators, percentiles or features. [default: all]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List every stored computation of a ticker, the latest first. `market get --version` shows one of them."""
    with explained_errors(as_json=as_json):
        if kind is not None and kind not in KINDS:
            raise ConfigurationError(f"{kind!a} is not one of {', '.join(KINDS)}")
        found = MarketLake(MARKET.of(open_settings(lake=lake))).versions(symbol, kind)
        if not found:
            raise ConfigurationError(
                f"no computations of {symbol!a} are stored: `tribolake market status` lists the tickers"
            )
        if as_json:
            print_json({"versions": [one.as_dict() for one in found]})
        else:
            print_versions(found)
