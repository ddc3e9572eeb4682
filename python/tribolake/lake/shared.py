"""Custody of a lake in a bucket. Runs on several machines write to it."""

from __future__ import annotations

from tribolake.lake.checkpoint import Checkpoint
from tribolake.lake.custody import LeasedCustody
from tribolake.lake.lease import Lease
from tribolake.lake.store import ObjectStore
from tribolake.settings import Settings


class SharedCustody(LeasedCustody):
    """Let one run at a time write, by a lease, and store the warehouse in the lake."""

    def __init__(self, store: ObjectStore, settings: Settings) -> None:
        claims = f"{settings.prefix}/_state/leases/"
        address = f"s3://{store.bucket}/{claims}"
        super().__init__(lambda: Lease(store, claims, settings.s3.lease_seconds, address))
        self._checkpoint = Checkpoint(store, settings.prefix, settings.state, settings.warehouse)

    def restore(self) -> bool:
        return self._checkpoint.restore()

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
