"""A lease on a lake in a bucket: one run at a time, whatever machine it is on.

A run puts up a claim, an object of its own, and then looks at all claims. If it sees another one it takes its own away
and gives up; if it sees none it has the lake. Of two runs at once the one that looks last sees the other's claim, since
a listing shows what was stored before it: both may give up, but never do both go on. No server has to support
conditional writes for that, which some ignore.

A claim that nobody renews expires. Age is told by the server's clock alone, the time at which it stored a claim.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake.store import ObjectStore, Stored

# Servers tell times in whole seconds.
CLOCK_TICK = timedelta(seconds=2)
ATTEMPTS = 3


class Lease:
    """A run's right to write; `prefix` is where claims stand, `seconds` how long one is good for."""

    def __init__(self, store: ObjectStore, prefix: str, seconds: float) -> None:
        self._store = store
        self._prefix = prefix
        self._seconds = seconds
        self._key = f"{prefix}{secrets.token_hex(8)}.{round(seconds)}.json"
        self._renewed_at = 0.0
        self._is_over = threading.Event()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Have the lake for a while, and keep renewing the claim.

        Raises:
            LakeIsBusy: another run has it.
        """
        self._claim()
        renewing = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._is_over.set()
            renewing.join()
            self._give_up()

    def still_mine(self) -> None:
        """Make sure that nobody else can have the lake by now.

        Raises:
            RunFailed: the claim could not be renewed in time.
        """
        if time.monotonic() - self._renewed_at >= self._seconds:
            raise RunFailed(
                "the lease on the lake ran out (the store did not answer, or this machine stood still): another run "
                "may have taken over. Nothing is half published; start the run again"
            )

    def _claim(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            mine = self._put()
            others = self._others(mine)
            if not others:
                return
            self._give_up()
            if attempt < ATTEMPTS:  # whoever came at the same moment gives up as well
                time.sleep(random.uniform(0.1, 0.6) * attempt)  # noqa: S311 - spreads attempts, protects nothing
        raise LakeIsBusy(
            f"another run holds s3://{self._store.bucket}/{self._prefix} ({others[0].key.rpartition('/')[2]}, since "
            f"{others[0].modified_at:%H:%M:%S} UTC): wait until it ends; if it died, its lease expires within "
            f"{_seconds_of(others[0]):.0f} s"
        )

    def _others(self, mine: Stored) -> list[Stored]:
        """Claims of others that are still good; expired ones are taken away."""
        others = []
        for claim in self._store.list(self._prefix):
            if claim.key == mine.key:
                continue
            if claim.modified_at + timedelta(seconds=_seconds_of(claim)) + CLOCK_TICK < mine.modified_at:
                self._store.delete(claim.key)
            else:
                others.append(claim)
        return others

    def _put(self) -> Stored:
        asked_at = time.monotonic()
        about = {"host": socket.gethostname(), "pid": os.getpid()}
        stored = self._store.put(self._key, json.dumps(about).encode())
        self._renewed_at = asked_at
        return stored

    def _keep_renewing(self) -> None:
        while not self._is_over.wait(self._seconds / 3):
            try:
                self.still_mine()
                self._put()
            except RunFailed:
                return  # never again: somebody else may have it
            except StoreUnavailable:
                continue

    def _give_up(self) -> None:
        try:
            self._store.delete(self._key)
        except StoreUnavailable:
            return  # it expires


def _seconds_of(claim: Stored) -> float:
    """How long a claim is good for, as its key says."""
    try:
        return float(claim.key.rpartition("/")[2].split(".")[1])
    except (IndexError, ValueError):
        return 60.0
