"""The folder that dbt works in: the parsed project, its compiled tests, and which seeds were tested."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings

# Two installations of one user may be of different releases.
INSTALLATION = hashlib.sha256(str(PROJECT_DIR).encode()).hexdigest()[:12]


def target_dir(settings: Settings) -> Path:
    """Make the folder that dbt works in, and return it.

    It is the same for all lakes: dbt parses the project again for another one, which takes seconds. It is `target/lake`
    in a checkout, else below the home of the user. Where that cannot be written, it is in the lake's state folder.
    """
    if settings.cache_dir is None:
        with suppress(OSError, RuntimeError):  # the user has no home, or a read-only one
            shared = PROJECT_DIR / "target" / "lake" if IS_CHECKOUT else _home() / ".cache" / "tribolake" / INSTALLATION
            shared.mkdir(parents=True, exist_ok=True)
            if os.access(shared, os.W_OK):
                return shared
    own = settings.cache_dir / INSTALLATION if settings.cache_dir else settings.state / "target"
    own.mkdir(parents=True, exist_ok=True)
    return own


def _home() -> Path:
    """The home of the user.

    Raises:
        RuntimeError: there is none.
    """
    home = Path.home()
    if home == home.parent:  # the root folder, where HOME is empty
        raise RuntimeError("no home")
    return home
