"""`tribolake market status`: how far prices reach, and what waits or failed."""

from __future__ import annotations

from tribolake.cli.market.tables import print_market_status
from tribolake.cli.options import JsonOption, LakeOption, explained_errors, new_app, open_settings, print_json
from tribolake.market.status import market_status
from tribolake.products import MARKET

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake market status`\n\n`tribolake market status --json`")
def status(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Show how far the prices of each ticker reach, what waits for a run, and what failed."""
    with explained_errors(as_json=as_json):
        found = market_status(MARKET.of(open_settings(lake=lake)))
        if as_json:
            print_json(found)
        else:
            print_market_status(found)
