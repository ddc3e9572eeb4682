"""`tribolake market fetch`: stage the prices that Yahoo serves."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tribolake.cli.market.tables import print_fetched
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
from tribolake.errors import ConfigurationError
from tribolake.lake.objects import ObjectUnreadable
from tribolake.lake.replicas import open_objects
from tribolake.market.fetch import fetch as fetch_symbols
from tribolake.market.symbols import symbol_of
from tribolake.products import MARKET
from tribolake.settings import Settings

MOST_BYTES = 1_000_000  # of a list of symbols
app = new_app()


@app.command(
    epilog="**Examples**\n\n`tribolake market fetch NVDA D05.SI ^GSPC`\n\n"
    "`tribolake market fetch --file symbols.txt --since 2024-01-01`\n\n"
    "`tribolake market fetch --lake s3://mine --file s3://mine/market/symbols.txt`"
)
def fetch(
    symbols: Annotated[list[str] | None, typer.Argument(help="Yahoo's symbols.", show_default=False)] = None,
    lake: LakeOption = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day. A range always ends now. [default: all there is]"),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A symbol per line; `#` begins a comment. A file, or an object of the lake."),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch daily bars from Yahoo, and stage each response byte for byte. Needs the extra `market`.

    Exit codes: 0 done, 2 bad usage, 4 some symbols were not fetched: they are named.
    """
    with explained_errors(as_json=as_json):
        settings = MARKET.of(open_settings(lake=lake))
        wanted = [symbol_of(symbol) for symbol in (*(symbols or ()), *(_lines(settings, file) if file else ()))]
        if not wanted:
            raise ConfigurationError("no symbol is given: name some, or a file by --file")
        with ProgressLines(quiet) as progress:
            outcomes = fetch_symbols(settings, wanted, since.date() if since else None, progress=progress)
        if as_json:
            print_json({"symbols": [vars(one) for one in outcomes]})
        else:
            print_fetched(outcomes)
        raise typer.Exit(Exit.OK if all(one.is_well for one in outcomes) else Exit.NEEDS_A_LOOK)


def _lines(settings: Settings, file: str) -> list[str]:
    try:
        text = _content(settings, file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, ObjectUnreadable) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error
    return [line for line in (line.partition("#")[0].strip() for line in text.splitlines()) if line]


def _content(settings: Settings, file: str) -> bytes:
    """Read a file of this machine, or an object of the lake: a container has no files of its own."""
    if not file.startswith("s3://"):
        return Path(file).read_bytes()
    objects = open_objects(settings)
    key = file.removeprefix(objects.address(""))
    if key == file:
        raise ConfigurationError(f"{file} is not in the lake {settings.address}")
    content = objects.read(key, MOST_BYTES)
    if content is None:
        raise ConfigurationError(f"there is no object {file}")
    return content
