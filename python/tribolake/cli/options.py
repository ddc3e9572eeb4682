"""Options, exit codes and progress that commands share."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any

import typer
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from tribolake.cli.log import is_json, log, log_as
from tribolake.cli.printable import in_json
from tribolake.errors import ConfigurationError, LakeIsBusy, explain, is_interrupt
from tribolake.settings import Settings, load_settings
from tribolake.settings.load import unknown_variables
from tribolake.texts import one_line

CLEAR = "\r\x1b[2K"  # the line of a terminal
STOPPED = "stopped before it ended: nothing is lost, and what is published stays"

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", metavar="DIR", help="A folder or s3://bucket. [default: ./data]", show_default=False),
]
ClientOption = Annotated[
    list[str] | None, typer.Option("--client", metavar="NAME", help="Only this client; may be repeated.")
]
ProductOption = Annotated[str, typer.Option("--product", metavar="NAME", help="The data product: oil or market.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only, no progress.")]
InitOption = Annotated[bool, typer.Option("--init", help="Begin a new lake, which has no bronze yet.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, logs on stderr.")]


class Exit(IntEnum):
    """Exit codes of commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUSY = 3
    NEEDS_A_LOOK = 4
    STOPPED = 130  # by Ctrl-C, or by SIGTERM or SIGHUP: see app.main


def new_app() -> typer.Typer:
    """Make the Typer of a command or of a group of commands."""
    return typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode="markdown")


def open_settings(**flags: object) -> Settings:
    """Load the settings, and apply the umask. Unknown `TRIBOLAKE_` variables are named on stderr.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    settings = load_settings(**flags)
    log_as(settings.log_format)
    for name, near in unknown_variables().items():
        hint = f"did you mean {near}?" if near else "`tribolake config reference` lists the known ones"
        log(f"the variable {one_line(name)} is unknown and has no effect: {hint}", "warning")
    os.umask(settings.mask(os.umask(0o077)))
    return settings


@contextmanager
def explained_errors(*, as_json: bool = False) -> Iterator[None]:
    """Print an error on stderr in one line and exit with its code. `TRIBOLAKE_DEBUG=1` shows its traceback too.

    With `as_json`, print it as one object on stdout as well.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except (KeyboardInterrupt, Exception) as error:  # a user gets a sentence, whatever went wrong
        if os.environ.get("TRIBOLAKE_DEBUG", "").lower() in ("1", "true"):
            traceback.print_exc()
        code = _code_of(error)
        problem = STOPPED if code is Exit.STOPPED else one_line(explain(error))
        if as_json:
            print_json({"problem": problem, "exit_code": int(code)})
        log(problem, "error")
        raise typer.Exit(code) from None


def _code_of(error: BaseException) -> Exit:
    if is_interrupt(error):
        return Exit.STOPPED
    if isinstance(error, ConfigurationError):
        return Exit.USAGE
    return Exit.BUSY if isinstance(error, LakeIsBusy) else Exit.FAILED


def retry_while_busy(seconds: float) -> Retrying:
    """Retry for some seconds while another run holds the lake."""
    return Retrying(
        retry=retry_if_exception_type(LakeIsBusy),
        wait=wait_random(1, 4),
        stop=stop_after_delay(seconds),
        reraise=True,
    )


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    typer.echo(in_json(json.dumps(value, ensure_ascii=False, default=str)))


class ProgressLines:
    """Print progress on stderr: one line that is rewritten on a terminal, otherwise one line per stage."""

    STAGES = frozenset({"discover", "publish", "docs"})

    def __init__(self, is_quiet: bool = False) -> None:
        self._started = time.perf_counter()
        self._is_quiet = is_quiet
        self._is_rewritten = sys.stderr.isatty() and not is_quiet and not is_json()

    def __call__(self, what: str) -> None:
        if self._is_quiet:
            return
        elapsed = time.perf_counter() - self._started
        if self._is_rewritten:
            sys.stderr.write(f"{CLEAR}{elapsed:6.1f} s  {what[:90]}")
            sys.stderr.flush()
        elif what in self.STAGES or " " in what:
            log(what, text=f"{elapsed:6.1f} s  {what}")

    def notice(self, what: str) -> None:
        """Print a line that stays, even if progress is not printed."""
        if self._is_rewritten:
            sys.stderr.write(CLEAR)
        log(what, "warning")

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_rewritten:
            sys.stderr.write(CLEAR)
