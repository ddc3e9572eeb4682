"""Custody of a lake: who may write to it, and what a run needs to go on where the last one stopped.

The warehouse of a lake in a folder stays where it is, and a lock on this machine says whose turn it is. A lake in a
bucket has runs on many machines: a lease says whose turn it is, and the warehouse travels with the lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from filelock import FileLock, Timeout

from tribolake.errors import LakeIsBusy
from tribolake.settings import Settings


class Custody(Protocol):
    """What a run asks for before and after its work."""

    def restore(self) -> bool:
        """Have the warehouse as the last run of any machine left it; whether it was replaced."""

    def hold(self) -> AbstractContextManager[None]:
        """Have the lake alone for a while.

        Raises:
            LakeIsBusy: another run has it.
        """

    def still_mine(self) -> None:
        """Make sure that the lake is held still.

        Raises:
            RunFailed: another run may have taken over.
        """

    def save(self, run_id: str, *, changed: bool = False) -> None:
        """Leave the warehouse for the next run of any machine; where the lake is not held, unless it has a newer one.

        Args:
            run_id: the last run that is in it.
            changed: it was changed since that run left it.
        """


@contextmanager
def lock_machine(settings: Settings) -> Iterator[None]:
    """Let one run at a time work with the warehouse on this machine.

    Raises:
        LakeIsBusy: another one does.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    path = settings.state / "run.lock"
    try:
        with FileLock(path).acquire(blocking=False):
            yield
    except Timeout as error:
        raise LakeIsBusy(f"another run holds {path}: wait until it ends, or stop it") from error


class OfOneMachine:
    """Custody of a lake that only this machine writes to: its lock on the state folder is enough."""

    def restore(self) -> bool:
        return False

    def hold(self) -> AbstractContextManager[None]:
        return nullcontext()

    def still_mine(self) -> None:
        """It is."""

    def save(self, run_id: str, *, changed: bool = False) -> None:
        """The warehouse is where the next run looks for it."""
