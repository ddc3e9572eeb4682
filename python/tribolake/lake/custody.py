"""Custody of a lake: the exclusive right to write to it, and its warehouse from one run to the next.

A lake in a folder has its warehouse on this machine, and a lock lets one run at a time work. A lake in a bucket has
runs on several machines: a lease lets one run at a time write, and the warehouse is stored in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from filelock import FileLock, Timeout

from tribolake.errors import LakeIsBusy
from tribolake.settings import Settings


class Custody(Protocol):
    """The right to write to a lake, and its warehouse checkpoint."""

    def restore(self) -> bool:
        """Restore the latest warehouse checkpoint. Returns True if the local file was replaced."""

    def hold(self) -> AbstractContextManager[None]:
        """Hold the lake exclusively while the context lasts.

        Raises:
            LakeIsBusy: another run holds it.
        """

    def assert_lease_held(self) -> None:
        """Check that this run still holds the lake.

        Raises:
            RunFailed: another run may have taken over.
        """

    def save(self, run_id: str, *, changed: bool = False) -> None:
        """Save the warehouse as the checkpoint for the next run. If the lake is not held, a newer checkpoint stays.

        Args:
            run_id: the last run in the warehouse.
            changed: True if the warehouse was changed after that run.
        """


@contextmanager
def lock_machine(settings: Settings) -> Iterator[None]:
    """Let one run at a time work with the warehouse on this machine.

    Raises:
        LakeIsBusy: another run works with it.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    path = settings.state / "run.lock"
    try:
        with FileLock(path).acquire(blocking=False):
            yield
    except Timeout as error:
        raise LakeIsBusy(f"another run holds {path}: wait until it ends, or stop it") from error


class LocalCustody:
    """Custody of a lake that only this machine writes to. The lock on its state folder is enough."""

    def restore(self) -> bool:
        return False

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def assert_lease_held(self) -> None:
        """Do nothing: no other machine writes to this lake."""

    def save(self, run_id: str, *, changed: bool = False) -> None:
        """Do nothing: the next run uses the same warehouse file."""
