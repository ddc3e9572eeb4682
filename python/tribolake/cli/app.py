"""The group `tribolake`. Each command is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tribolake.cli.streams import exit_code, open_streams, use_utf8

# Each is a module of this package with a Typer called `app`.
NAMES = (
    "run", "watch", "status", "verify", "history", "query", "snapshot", "fetch", "lineage", "reprocess", "arrivals",
    "rejected", "alias", "limits", "show", "top-movers", "quality", "export", "recommendations", "lake", "lab", "synth",
    "demo", "docs", "config", "doctor", "feedback", "serve", "market",
)  # fmt: skip


@cache
def _command(name: str) -> Any:
    if name not in NAMES:
        raise KeyError(name)
    command = get_command(importlib.import_module(f"tribolake.cli.{name.replace('-', '_')}").app)
    command.name = name
    return command


class LazyCommands(Mapping[str, Any]):
    """The commands by name. A command is imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class LazyGroup(TyperGroup):
    """A group whose commands are imported lazily."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": LazyCommands()})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(NAMES)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tribolake {version_of('tribolake')}")
        raise typer.Exit


app = typer.Typer(
    name="tribolake",
    cls=LazyGroup,
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
    try:
        app()
    except SystemExit as end:
        sys.exit(exit_code(end.code if isinstance(end.code, int) else int(end.code is not None), stdout))
