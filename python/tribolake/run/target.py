"""The folder that dbt works in, with the parsed project, compiled tests and the record of tested seeds."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.settings import IS_CHECKOUT, PROJECT_DIR, Settings

# Two installations of one user may be of different releases.
INSTALLATION = hashlib.sha256(str(PROJECT_DIR).encode()).hexdigest()[:12]


def target_dir(settings: Settings) -> Path:
    """Make the folder that dbt works in, and return it. Each product has a folder in it.

    All lakes share it, because parsing for another folder takes seconds. It is `target/lake` in a checkout, else below
    the home of the user. If that cannot be written, it is in the lake's state folder.

    Raises:
        ConfigurationError: the setting names a folder that cannot be made.
    """
    if settings.cache_dir is None:
        with suppress(OSError, RuntimeError):  # the user has no home, or a read-only one
            shared = PROJECT_DIR / "target" / "lake" if IS_CHECKOUT else _home() / ".cache" / "tribolake" / INSTALLATION
            shared.mkdir(parents=True, exist_ok=True)
            if os.access(shared, os.W_OK):
                return shared
    own = settings.cache_dir / INSTALLATION if settings.cache_dir else settings.state / "target"
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if settings.cache_dir is None:
            raise
        raise ConfigurationError(f"TRIBOLAKE_CACHE_DIR: {own} cannot be made ({error.strerror})") from error
    return own


def _home() -> Path:
    """Return the home of the user.

    Raises:
        RuntimeError: the user has no home.
    """
    home = Path.home()
    if home == home.parent:  # the root folder, where HOME is empty
        raise RuntimeError("no home")
    return home
