"""Options that commands share, and how commands end."""

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

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", metavar="DIR", help="A folder or s3://bucket. [default: ./data]", show_default=False),
]
ClientOption = Annotated[
    list[str] | None, typer.Option("--client", metavar="NAME", help="Only this client; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, logs on stderr.")]


class Exit(IntEnum):
    """What the exit code of a command means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUSY = 3
    NEEDS_A_LOOK = 4


@contextmanager
def explained_errors() -> Iterator[None]:
    """End with the right exit code, and with the error's own words on stderr."""
    try:
        yield
    except ConfigurationError as error:
        _end(error, Exit.USAGE)
    except LakeIsBusy as error:
        _end(error, Exit.BUSY)
    except (TribolakeError, OSError) as error:
        _end(error, Exit.FAILED)


def waiting_for_the_lake(seconds: float) -> Retrying:
    """Tries again while another run holds the lake, for so long."""
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
    """One JSON object on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


class ProgressLines:
    """Progress on stderr: one line that is rewritten on a terminal, plain lines of the stages elsewhere."""

    STAGES = frozenset({"discover", "publish", "docs"})

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, what: str) -> None:
        elapsed = time.perf_counter() - self._started
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[2K{elapsed:6.1f} s  {what[:90]}")
        elif what in self.STAGES or " " in what:
            sys.stderr.write(f"{elapsed:6.1f} s  {what}\n")
        sys.stderr.flush()

    def done(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\x1b[2K")
