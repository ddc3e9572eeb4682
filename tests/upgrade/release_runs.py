"""Run commands of a release, each in a fork of one process that has imported and parsed everything.

Reads one JSON object a line, `{"words": [...], "environment": {...}, "days_ago": n}`, and writes the exit code of each
command. The release is the package `tribolake` that Python finds first. Its clock can be set back: the dates of
publications are then those of earlier days.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import ModuleType
from typing import Any

import tribolake

days_ago = timedelta()


class _AsDatetime(type):
    """Everything but the clock comes from the real class."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)

    def __getattr__(cls, name: str) -> Any:
        return getattr(datetime, name)


class EarlierDatetime(metaclass=_AsDatetime):
    """`datetime` with a clock that is some days behind."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        return datetime(*arguments, **named)

    @staticmethod
    def now(tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) - days_ago


def import_release() -> list[ModuleType]:
    """Import dbt and every module of the release. Returns the modules of the release."""
    importlib.import_module("dbt.cli.main")
    found = pkgutil.walk_packages(tribolake.__path__, "tribolake.")
    return [importlib.import_module(module.name) for module in found if not module.name.endswith("__main__")]


def set_clock_back(modules: list[ModuleType]) -> None:
    """Give all modules the earlier clock, except the commands: Typer reads dates with the real class."""
    for module in modules:
        if vars(module).get("datetime") is datetime and not module.__name__.startswith("tribolake.cli"):
            module.datetime = EarlierDatetime


def run_command(app: Any, words: list[str]) -> None:
    """Run one command, with all output on stderr, and end this process with its exit code."""
    sys.stdout = sys.stderr
    try:
        app(words)
    except SystemExit as ended:
        sys.stderr.flush()
        os._exit(int(ended.code or 0))
    finally:
        sys.stderr.flush()
        os._exit(1)


def main(folder: Path) -> None:
    global days_ago  # noqa: PLW0603 - the clock of the next fork
    modules = import_release()
    set_clock_back(modules)
    named = {name: value for module in modules for name, value in vars(module).items()}
    settings = named["load_settings"](lake=folder)
    settings.state.mkdir(parents=True, exist_ok=True)
    named["parse_ahead"](settings)
    for line in sys.stdin:
        step = json.loads(line)
        days_ago = timedelta(days=step["days_ago"])
        pid = os.fork()
        if not pid:
            os.environ.update(step["environment"])
            run_command(named["app"], step["words"])
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
