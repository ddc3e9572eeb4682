"""Custody of a lake in a bucket. Runs on several machines write to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tribolake.lake.checkpoint import Checkpoint
from tribolake.lake.lease import Lease
from tribolake.lake.store import ObjectStore
from tribolake.settings import Settings


class SharedCustody:
    """Let one run at a time write, by a lease, and store the warehouse in the lake."""

    def __init__(self, store: ObjectStore, settings: Settings) -> None:
        self._store = store
        self._claims = f"{settings.prefix}/_state/leases/"
        self._seconds = settings.s3.lease_seconds
        self._checkpoint = Checkpoint(store, settings.prefix, settings.state, settings.warehouse)
        self._lease: Lease | None = None

    def restore(self) -> bool:
        return self._checkpoint.restore()

    @contextmanager
    def hold(self) -> Iterator[None]:
        self._lease = Lease(self._store, self._claims, self._seconds)
        try:
            with self._lease.hold():
                yield
        finally:
            self._lease = None

    def assert_lease_held(self) -> None:
        if self._lease is not None:
            self._lease.assert_lease_held()

    def save(self, run_id: str, *, changed: bool = False) -> None:
        if self._checkpoint.is_of(run_id) and not changed:
            return
        if self._lease:
            self._checkpoint.save(run_id, self.assert_lease_held)
            return
        with self.hold():
            # The lake was free after that run: another machine may have run on the warehouse before it.
            if not self._checkpoint.restore():
                self._checkpoint.save(run_id, self.assert_lease_held)
