"""`tribolake market`: prices are staged as they were served, and become indicators, percentiles and features."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli import market_lineage, market_lineage_tables, market_reprocess, market_sinks, market_watch
from tribolake.cli.market_tables import (
    print_deliveries,
    print_fetched,
    print_market_status,
    print_quality,
    print_values,
    print_versions,
)
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
    retry_while_busy,
)
from tribolake.cli.run_tables import print_run
from tribolake.errors import ConfigurationError
from tribolake.lake import require_bronze
from tribolake.market.keys import raw_inbox
from tribolake.market.processed import KINDS
from tribolake.market.status import market_status
from tribolake.market.symbols import symbol_of
from tribolake.products import MARKET
from tribolake.run.pipeline import run as run_pipeline
from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings

# A run without news imports neither numpy nor pyarrow: they are a tenth of importing dbt. So commands import their own.
app = new_app()
app.add_typer(market_lineage.app)  # without a name: its commands are those of this group
app.add_typer(market_reprocess.app)
app.add_typer(market_sinks.app)
app.add_typer(market_watch.app)
DAY = ["%Y-%m-%d"]


@app.callback()
def market() -> None:
    """Stage prices as they were served, and compute indicators, percentiles and features from them."""


@app.command(
    epilog="**Examples**\n\n`tribolake market fetch NVDA D05.SI ^GSPC`\n\n"
    "`tribolake market fetch --file symbols.txt --since 2024-01-01`"
)
def fetch(
    symbols: Annotated[list[str] | None, typer.Argument(help="Yahoo's symbols.", show_default=False)] = None,
    lake: LakeOption = None,
    since: Annotated[
        datetime | None, typer.Option(formats=DAY, help="First day. A range always ends now. [default: all there is]")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A symbol per line; `#` begins a comment.", dir_okay=False)
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch daily bars from Yahoo, and stage each response byte for byte. Needs the extra `market`.

    Exit codes: 0 done, 2 bad usage, 4 some symbols were not fetched: they are named.
    """
    from tribolake.market.fetch import fetch as fetch_symbols  # noqa: PLC0415 - see above

    with explained_errors(as_json=as_json):
        wanted = [symbol_of(symbol) for symbol in (*(symbols or ()), *(_lines(file) if file else ()))]
        if not wanted:
            raise ConfigurationError("no symbol is given: name some, or a file by --file")
        with ProgressLines(quiet) as progress:
            outcomes = fetch_symbols(_settings(lake), wanted, _day(since), progress=progress)
        if as_json:
            print_json({"symbols": [vars(one) for one in outcomes]})
        else:
            print_fetched(outcomes)
        raise typer.Exit(Exit.OK if all(one.is_well for one in outcomes) else Exit.NEEDS_A_LOOK)


@app.command(
    "import",
    epilog="**Examples**\n\n`tribolake market import nvda.json`\n\n"
    "`tribolake market import NVDA.csv --ticker NVDA --fetched-at 2024-06-07`",
)
def import_(
    files: Annotated[
        list[Path], typer.Argument(help="Chart JSON as Yahoo served it, or daily bars as CSV or Parquet.")
    ],
    lake: LakeOption = None,
    ticker: Annotated[str | None, typer.Option(metavar="SYMBOL", help="The symbol, where a file has none.")] = None,
    fetched_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="When the files were fetched (UTC). [default: now]"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Stage files that another program fetched, as they are."""
    from tribolake.market.imports import import_files  # noqa: PLC0415 - see above

    with explained_errors(as_json=as_json):
        at = fetched_at.replace(tzinfo=UTC) if fetched_at else None
        staged = import_files(_settings(lake), files, ticker, at)
        if as_json:
            print_json({"staged": [vars(one) for one in staged]})
        else:
            for one in staged:
                typer.echo(one.key if one.is_new else f"{one.key} has the same bytes")


@app.command(epilog="**Examples**\n\n`tribolake market run`\n\n`tribolake market run --lake s3://data-lake --json`")
def run(
    lake: LakeOption = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read every response again.")] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Wait up to this long for another run to end.")
    ] = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring gold up to date with the staged responses: read, compute, test, publish. Needs no network.

    Exit codes: 0 done or nothing new, 1 failed, 2 bad usage, 3 another run holds the lake, 4 published, but some
    responses need a look, or the lake or Aurora did not confirm all values.
    """
    with explained_errors(as_json=as_json):
        settings = _settings(lake)
        begin = "`tribolake market fetch` or `market import` begin a new lake"
        require_bronze(settings, inbox=raw_inbox(settings), begin=begin)
        with ProgressLines(quiet) as progress:
            report = retry_while_busy(wait)(
                run_pipeline, MARKET, settings, full_refresh=full_refresh, progress=progress, notice=progress.notice
            )
        if as_json:
            print_json(report.as_dict())
        elif not quiet or report.needs_a_look:
            print_run(report, settings)
            if found := report.results["quality"].report:
                print_quality(found["held_back"], found["findings"])
            print_deliveries(report.results["deliveries"].report)
        raise typer.Exit(Exit.NEEDS_A_LOOK if report.needs_a_look else Exit.OK)


@app.command(epilog="**Examples**\n\n`tribolake market status`\n\n`tribolake market status --json`")
def status(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Show how far the prices of each ticker reach, what waits for a run, and what failed."""
    with explained_errors(as_json=as_json):
        found = market_status(_settings(lake))
        if as_json:
            print_json(found)
        else:
            print_market_status(found)


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
    from tribolake.market.retrieval import get_values  # noqa: PLC0415 - see above

    with explained_errors(as_json=as_json):
        found = get_values(
            _settings(lake), kind, symbol,
            day=_day(day), session=_day(session), version=version, as_known_on=_day(as_known_on),
        )  # fmt: skip
        if as_json:
            print_json(found)
        else:
            print_values(found)


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
    from tribolake.market.market_lake import MarketLake  # noqa: PLC0415 - see above

    with explained_errors(as_json=as_json):
        if kind is not None:
            _require_kind(kind)
        found = MarketLake(_settings(lake)).versions(symbol, kind)
        if not found:
            raise ConfigurationError(
                f"no computations of {symbol!a} are stored: `tribolake market status` lists the tickers"
            )
        if as_json:
            print_json({"versions": [one.as_dict() for one in found]})
        else:
            print_versions(found)


@app.command(epilog="**Example**\n\n`tribolake market demo`")
def demo(lake: LakeOption = None, quiet: QuietOption = False) -> None:
    """Stage made-up prices, with a split and a dividend, run on them, and show the result. Needs no network.

    The result is a table of tickers, the lineage of a value, and a comparison of two computation versions.
    """
    from tribolake.cli.synth import require_folder  # noqa: PLC0415 - see above
    from tribolake.market.sample import write_sample  # noqa: PLC0415 - see above

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
    from tribolake.market.sample import SAMPLED_UNTIL  # noqa: PLC0415 - see above
    from tribolake.market.value_lineage import lineage_of_value  # noqa: PLC0415 - fetching needs no TA-Lib
    from tribolake.market.version_comparison import compare_versions  # noqa: PLC0415

    market_lineage_tables.print_value_lineage(lineage_of_value(settings, "MINE", SAMPLED_UNTIL, "rsi_14"))
    market_reprocess.print_comparison(compare_versions(settings, "1.0", "reference"))


def _settings(lake: str | None) -> Settings:
    return MARKET.of(open_settings(lake=lake))


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ConfigurationError(f"{kind!a} is not one of {', '.join(KINDS)}")


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    return [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]
