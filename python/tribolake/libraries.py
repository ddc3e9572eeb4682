"""Libraries that are imported when they are first used: importing takes long, or an extra brings them.

And the command of a process that runs a module of ours.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tribolake.errors import ConfigurationError


class NotInstalled(ConfigurationError):
    """A library that an extra brings is not installed. The message says how to install it."""

    def __init__(self, name: str, extra: str) -> None:
        super().__init__(
            f"{name} is not installed: install requirements-{extra}.lock, or `pip install 'tribolake[{extra}]'`"
        )


def library(name: str, extra: str = "") -> Any:
    """Return a library as a name for the top of a module. The first use of an attribute imports it.

    Args:
        name: of the module, with its package. Modules of tribolake are imported as usual: the order of rooms is checked
            by import statements.
        extra: of tribolake, which brings the library. Without it, the library is always installed.

    Raises:
        NotInstalled: at the first use.
    """
    return _Library(name, extra)


def require(late: Any) -> None:
    """Import a library now: where its first use is in a stream that DuckDB reads, the error would be one of DuckDB.

    Raises:
        NotInstalled: it is missing.
    """
    late.__name__  # noqa: B018


def module_command(module: str, *words: str) -> list[str]:
    """Return the command of a process that runs a module.

    Python would look for modules in the folder in which the command was started: `random.py` in a folder of deliveries
    would be imported. With `-P` it does not.
    """
    return [sys.executable, "-P", "-m", module, *words]


class _Library:
    def __init__(self, name: str, extra: str) -> None:
        self._name, self._extra = name, extra

    def __getattr__(self, attribute: str) -> Any:
        try:
            module = import_module(self._name)
        except ModuleNotFoundError as error:
            if not self._extra:
                raise
            raise NotInstalled(str(error.name), self._extra) from None
        return getattr(module, attribute)
