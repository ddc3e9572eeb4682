"""The group `tribolake`. Each command is imported when it is called."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from tribolake.cli.lazy import lazy_group
from tribolake.cli.streams import exit_code, open_streams, use_utf8

# Each is a module of this package with a Typer called `app`.
NAMES = (
    "run", "watch", "status", "verify", "history", "query", "snapshot", "fetch", "lineage", "reprocess", "arrivals",
    "rejected", "alias", "limits", "show", "top-movers", "quality", "export", "recommendations", "lake", "lab", "synth",
    "demo", "docs", "config", "doctor", "feedback", "serve", "market",
)  # fmt: skip


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tribolake {version_of('tribolake')}")
        raise typer.Exit


app = typer.Typer(
    name="tribolake",
    cls=lazy_group(__package__, NAMES),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def tribolake(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn laboratory files in a lake into the health of a fleet."""


def main() -> None:
    """Run the `tribolake` command."""
    use_utf8()
    stdout = open_streams()
    # As Ctrl-C: the lease is given back and the attempt recorded. What a caller ignores, as nohup does, stays so.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    # At its end Python looks for garbage among all objects: a tenth of the time of a short command.
    atexit.register(gc.freeze)
    try:
        app()
    except SystemExit as end:
        sys.exit(exit_code(end.code if isinstance(end.code, int) else int(end.code is not None), stdout))
