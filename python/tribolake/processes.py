"""Processes that run a module of tribolake."""

from __future__ import annotations

import sys


def module_command(module: str, *words: str) -> list[str]:
    """Return the command of a process that runs a module.

    Python would look for modules in the folder in which the command was started: `random.py` in a folder of deliveries
    would be imported. With `-P` it does not.
    """
    return [sys.executable, "-P", "-m", module, *words]
