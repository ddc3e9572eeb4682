"""The lock of watchers: one watches a lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from tribolake.errors import LakeIsBusy
from tribolake.settings import Settings


@contextmanager
def only_watcher(settings: Settings) -> Iterator[None]:
    """Watch alone while the context lasts.

    Raises:
        LakeIsBusy: another watcher watches this lake.
    """
    path = settings.state / "watch.lock"
    try:
        with FileLock(path).acquire(blocking=False):
            yield
    except Timeout as error:
        raise LakeIsBusy(
            f"another watcher holds {path}: `tribolake status --lake {settings.address}` shows it. "
            "Stop that watcher first, or leave the lake to it"
        ) from error
