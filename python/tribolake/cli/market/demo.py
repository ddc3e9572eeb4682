"""`tribolake market demo`: made-up prices, and what is computed from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.market.lineage_tables import print_value_lineage
from tribolake.cli.market.reprocess import print_comparison
from tribolake.cli.market.tables import print_market_status
from tribolake.cli.options import ProgressLines, QuietOption, explained_errors, new_app, open_settings
from tribolake.cli.run_tables import print_run
from tribolake.cli.synth import require_folder
from tribolake.market.sample import SAMPLED_UNTIL, write_sample
from tribolake.market.status import market_status
from tribolake.market.value_lineage import lineage_of_value
from tribolake.market.version_comparison import compare_versions
from tribolake.products import MARKET
from tribolake.run.pipeline import run as run_pipeline
from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake market demo`\n\n`tribolake market demo --lake /tmp/market-demo`")
def demo(
    lake: Annotated[str | None, typer.Option(metavar="DIR", help="A folder. [default: ./data/market-demo]")] = None,
    quiet: QuietOption = False,
) -> None:
    """Stage made-up prices, with a split and a dividend, run on them, and show the result. Needs no network.

    The result is a table of tickers, the lineage of a value, and a comparison of two computation versions.
    """
    default = (PROJECT_DIR if IS_CHECKOUT else Path.cwd()) / "data" / "market-demo"
    with explained_errors():
        settings = MARKET.of(require_folder(open_settings(lake=lake or default)))
        with ProgressLines(quiet) as progress:
            write_sample(settings)
            report = run_pipeline(MARKET, settings, progress=progress)
        print_run(report, settings)
        print_market_status(market_status(settings))
        _show_origin(settings)


def _show_origin(settings: Settings) -> None:
    """Show where a value of the demo comes from, and how it differs from that of the former formulas."""
    print_value_lineage(lineage_of_value(settings, "MINE", SAMPLED_UNTIL, "rsi_14"))
    print_comparison(compare_versions(settings, "1.0", "reference"))
