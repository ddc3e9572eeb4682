"""Custody of a lake: the exclusive right to write to it, and its warehouse from one run to the next.

Several machines may write to a lake. A lease, which is in the lake itself, lets one run at a time write. A lock lets
one run at a time work with the warehouse on this machine. The warehouse of a lake in a bucket is stored in the bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from filelock import FileLock, Timeout

from tribolake.errors import LakeIsBusy
from tribolake.lake.claims import FolderClaims
from tribolake.lake.lease import Lease
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


class LeasedCustody:
    """Let one run at a time write, by a lease that `new_lease` makes. The warehouse stays on this machine."""

    def __init__(self, new_lease: Callable[[], Lease]) -> None:
        self._new_lease = new_lease
        self._lease: Lease | None = None

    def restore(self) -> bool:
        return False

    @contextmanager
    def hold(self) -> Iterator[None]:
        self._lease = self._new_lease()
        try:
            with self._lease.hold():
                yield
        finally:
            self._lease = None

    def assert_lease_held(self) -> None:
        if self._lease is not None:
            self._lease.assert_lease_held()

    def save(self, run_id: str, *, changed: bool = False) -> None:
        """Do nothing: the next run uses the same warehouse file."""


def folder_custody(settings: Settings) -> LeasedCustody:
    """Return the custody of a lake in a folder, which several machines may have mounted."""
    claims = settings.lake / settings.prefix / "_state" / "leases"
    return LeasedCustody(lambda: Lease(FolderClaims(claims), "", settings.s3.lease_seconds, str(claims)))
