"""Groups of commands. Each command is imported when it is called, so none pays for the libraries of another."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from keyword import iskeyword
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tribolake.cli.options import explained_errors
from tribolake.libraries import NotInstalled, brought_by


def lazy_group(package: str, names: Sequence[str], extra: str = "") -> type[TyperGroup]:
    """Return a group with these commands. Each is a module of the package with a Typer called `app`.

    Where the libraries of the extra are not installed, a command that needs one says so, and the others work.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes | {"commands": _LazyCommands(package, names, extra)})

        def list_commands(self, ctx: Any) -> list[str]:
            return list(names)

    return LazyGroup


class _LazyCommands(Mapping[str, Any]):
    """The commands of a package by name. A command is imported when it is looked up."""

    def __init__(self, package: str, names: Sequence[str], extra: str) -> None:
        self._package, self._names, self._extra = package, names, extra

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return _command(self._package, name, self._extra)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def _command(package: str, name: str, extra: str) -> Any:
    module = name.replace("-", "_") + "_" * iskeyword(name)
    try:
        with brought_by(extra):
            command = get_command(importlib.import_module(f"{package}.{module}").app)
    except NotInstalled as missing:
        return _without_its_libraries(name, missing)
    command.name = name
    return command


def _without_its_libraries(name: str, missing: NotInstalled) -> TyperCommand:
    def refuse(**_: object) -> None:
        with explained_errors():
            raise missing

    return TyperCommand(
        name,
        callback=refuse,
        help=f"Needs {missing.name}, which is not installed.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
