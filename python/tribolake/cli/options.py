"""Options, exit codes and progress that commands share."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any

import typer
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from tribolake.errors import ConfigurationError, LakeIsBusy, TribolakeError
from tribolake.settings import Settings, load_settings
from tribolake.settings.load import unknown_variables

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", metavar="DIR", help="A folder or s3://bucket. [default: ./data]", show_default=False),
]
ClientOption = Annotated[
    list[str] | None, typer.Option("--client", metavar="NAME", help="Only this client; may be repeated.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only, no progress.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, logs on stderr.")]


class Exit(IntEnum):
    """Exit codes of commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUSY = 3
    NEEDS_A_LOOK = 4


def new_app() -> typer.Typer:
    """Make the Typer of a command or of a group of commands."""
    return typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


def open_settings(**flags: object) -> Settings:
    """Load the settings. Unknown `TRIBOLAKE_` variables are named on stderr.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    for name, near in unknown_variables().items():
        hint = f"did you mean {near}?" if near else "`tribolake config reference` lists the known ones"
        typer.echo(f"tribolake: the variable {name} is unknown and has no effect: {hint}", err=True)
    return load_settings(**flags)


@contextmanager
def explained_errors() -> Iterator[None]:
    """Print an error on stderr and exit with its code."""
    try:
        yield
    except ConfigurationError as error:
        _end(error, Exit.USAGE)
    except LakeIsBusy as error:
        _end(error, Exit.BUSY)
    except (TribolakeError, OSError) as error:
        _end(error, Exit.FAILED)


def retry_while_busy(seconds: float) -> Retrying:
    """Retry for some seconds while another run holds the lake."""
    return Retrying(
        retry=retry_if_exception_type(LakeIsBusy),
        wait=wait_random(1, 4),
        stop=stop_after_delay(seconds),
        reraise=True,
    )


def _end(error: Exception, code: Exit) -> None:
    typer.echo(f"tribolake: {error}", err=True)
    raise typer.Exit(code)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


class ProgressLines:
    """Print progress on stderr: one line that is rewritten on a terminal, otherwise one line per stage."""

    STAGES = frozenset({"discover", "publish", "docs"})

    def __init__(self, is_quiet: bool = False) -> None:
        self._started = time.perf_counter()
        self._is_quiet = is_quiet
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, what: str) -> None:
        if self._is_quiet:
            return
        elapsed = time.perf_counter() - self._started
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[2K{elapsed:6.1f} s  {what[:90]}")
        elif what in self.STAGES or " " in what:
            sys.stderr.write(f"{elapsed:6.1f} s  {what}\n")
        sys.stderr.flush()

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_terminal and not self._is_quiet:
            sys.stderr.write("\r\x1b[2K")
