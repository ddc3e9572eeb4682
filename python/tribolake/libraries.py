"""Libraries that are imported when they are first used: importing takes long, or an extra brings them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tribolake.errors import ConfigurationError


class NotInstalled(ConfigurationError):
    """A library that an extra brings is not installed. The message says how to install it."""

    def __init__(self, name: str, extra: str) -> None:
        self.name = name
        super().__init__(
            f"{name} is not installed: install requirements-{extra}.lock, or `pip install 'tribolake[{extra}]'`"
        )


@contextmanager
def brought_by(extra: str) -> Iterator[None]:
    """Say how to install what is missing, where an import needs a library of an extra.

    Raises:
        NotInstalled: a library is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not extra or str(error.name).startswith("tribolake"):
            raise
        raise NotInstalled(str(error.name), extra) from None


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


class _Library:
    def __init__(self, name: str, extra: str) -> None:
        self._name, self._extra = name, extra

    def __getattr__(self, attribute: str) -> Any:
        with brought_by(self._extra):
            module = import_module(self._name)
        return getattr(module, attribute)
