"""Lakes that take seconds to make: one worker of a session makes each, and the others copy it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder of the caller's own with what `make` writes into a new one.

    Only the first caller of a session has it made, under a name that stands for what is made.
    """
    shared = folders.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # the folder of a worker is in that of the session
        shared = shared.parent
    made = shared / f"made-{name}"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            aside = folders.mktemp(name) / "lake"
            make(aside)
            aside.rename(made)
    return Path(shutil.copytree(made, folders.mktemp(name) / "lake", symlinks=True))
