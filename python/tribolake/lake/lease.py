"""A lease on a lake in a bucket: one run at a time, whatever machine it is on.

A run puts up a claim, an object of its own, and then looks at all claims. If it sees another one it takes its own away
and gives up; if it sees none it has the lake. Of two runs at once the one that looks last sees the other's claim, since
a listing shows what was stored before it: both may give up, but never do both go on. No server has to support
conditional writes for that, which some ignore.

A claim that nobody renews expires. Age is told by the server's clock alone, the time at which it stored a claim. A run
counts by its own clock, from before it asked for the renewal: it gives up first.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake.store import ObjectStore, Stored

# Servers tell times in whole seconds.
CLOCK_TICK = timedelta(seconds=2)
ATTEMPTS = 3
NEVER = float("-inf")
# The parts of a lease after which it is renewed, and which must be left of it for somebody who is to write: one renewal
# whose storing and looking both got no answer, and which was sent again, leaves enough of the default lease.
RENEWED_AFTER = 1 / 4
LARGEST_SPARE = 1 / 3
RAN_OUT = (
    "the lease on the lake ran out (the store did not answer, or this machine stood still): another run may have taken "
    "over. Nothing is half published; start the run again"
)


class Lease:
    """A run's right to write; `prefix` is where claims stand, `seconds` how long one is good for."""

    def __init__(self, store: ObjectStore, prefix: str, seconds: float) -> None:
        self._store = store
        self._prefix = prefix
        self._seconds = seconds
        self._key = ""
        self._renewed_at = NEVER  # by this machine's clock
        self._stored_at = datetime.min.replace(tzinfo=UTC)  # by the server's
        self._is_over = threading.Event()

    @property
    def spare_seconds(self) -> float:
        """How much of it must be left for a request that is sent now, so that it arrives while nobody else writes."""
        return min(self._store.timeout_seconds, self._seconds * LARGEST_SPARE)

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
        """Make sure that nobody else can have the lake by now, nor before a request that is sent now has arrived.

        Raises:
            RunFailed: the claim could not be renewed in time.
        """
        self._check(self.spare_seconds)

    def _check(self, spare_seconds: float = 0) -> None:
        if _now() - self._renewed_at >= self._seconds - spare_seconds:
            raise RunFailed(RAN_OUT)

    def _claim(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            # A name of its own: the removal of the last one may arrive late.
            self._key = f"{self._prefix}{secrets.token_hex(8)}.{round(self._seconds)}.json"
            others = self._put_and_look()
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

    def _put_and_look(self) -> list[Stored]:
        """Put up a claim and look for those of others; it does not stay where that fails."""
        try:
            asked_at = _now()
            mine = self._put()
            self._renewed_at, self._stored_at = asked_at, mine.modified_at
            return self._others(mine)
        except BaseException:
            self._give_up()
            raise

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

    def _put(self, before_each: Callable[[], None] = lambda: None) -> Stored:
        # No two contents are alike: the one of before must not be taken for this one, whose answer was lost.
        about = {"host": socket.gethostname(), "pid": os.getpid(), "nonce": secrets.token_hex(8)}
        return self._store.put(self._key, json.dumps(about).encode(), before_each=before_each)

    def _keep_renewing(self) -> None:
        pause = self._until_due()
        while not self._is_over.wait(pause):
            try:
                self._renew()
                pause = self._until_due()
            except RunFailed:
                self._renewed_at = NEVER  # and never again: somebody else may have it
                return
            except StoreUnavailable:
                pause = self._seconds / 20

    def _until_due(self) -> float:
        """Seconds until the claim is to be renewed."""
        return max(self._renewed_at + self._seconds * RENEWED_AFTER - _now(), 0)

    def _renew(self) -> None:
        """Have the claim stored anew.

        Raises:
            RunFailed: the one before may have expired first.
            StoreUnavailable: it could not be stored this time.
        """
        asked_at = _now()
        stored = self._put(self._check)
        self._check()
        # Others go by the server's clock: where that one was put back, they may take this claim for an old one.
        passed = stored.modified_at - self._stored_at
        if not timedelta(0) <= passed <= timedelta(seconds=self._seconds) + CLOCK_TICK / 2:
            raise RunFailed(RAN_OUT)
        self._renewed_at, self._stored_at = asked_at, stored.modified_at

    def _give_up(self) -> None:
        try:
            self._store.delete(self._key)
        except StoreUnavailable:
            return  # it expires


def _now() -> float:
    """Seconds on a clock that also counts while this machine is suspended, where it has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _seconds_of(claim: Stored) -> float:
    """How long a claim is good for, as its key says."""
    try:
        return float(claim.key.rpartition("/")[2].split(".")[1])
    except (IndexError, ValueError):
        return 60.0
