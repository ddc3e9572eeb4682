"""A lease on a lake: one run at a time, on any machine.

A run stores a claim of its own, an object or a small file, and then lists all claims. If it sees another claim it
removes its own and gives up. Otherwise it holds the lake. A listing shows all claims stored before it, so of two runs
at once the last one to list sees the other's claim: both may give up, but both never continue. This needs no
conditional writes, which some servers ignore.

A claim that is not renewed expires. Its age is measured by the server's clock alone, from the time of storage. A run
measures by its own clock, from before its request for renewal. So the run gives up before its claim expires.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tribolake.errors import LakeIsBusy, RunFailed, StoreUnavailable
from tribolake.lake.claims import has_ended, this_process
from tribolake.lake.files import parse_json
from tribolake.texts import one_line

# Servers give times in whole seconds.
CLOCK_TICK = timedelta(seconds=2)
ATTEMPTS = 3
NEVER = float("-inf")
# Shares of a lease: when it is renewed, and how much of it a writer needs at most. The default lease has enough left
# after a renewal whose write and read both got no answer and were sent again.
RENEWED_AFTER = 1 / 4
LARGEST_SPARE = 1 / 3
RAN_OUT = (
    "the lease on the lake ran out (the store did not answer, this machine was suspended, or the lease was removed): "
    "another run may have taken over. No publication is incomplete. Start the run again"
)


class Claim(Protocol):
    """A stored claim. `modified_at` is by the clock of the store."""

    @property
    def key(self) -> str: ...

    @property
    def modified_at(self) -> datetime: ...


class ClaimStore(Protocol):
    """Where claims are stored: a bucket or a folder."""

    @property
    def timeout_seconds(self) -> float:
        """The longest that a request may take."""

    def put(self, key: str, content: bytes, *, before_each: Callable[[], None]) -> Claim: ...

    def list(self, prefix: str) -> Iterable[Claim]: ...

    def read(self, key: str) -> tuple[bytes, Claim] | None: ...

    def delete(self, key: str) -> None: ...


class Lease:
    """A run's right to write.

    `prefix` begins the keys of claims, `seconds` is how long a claim is valid, `address` names the claims for people.
    """

    def __init__(self, store: ClaimStore, prefix: str, seconds: float, address: str = "") -> None:
        self._store = store
        self._prefix = prefix
        self._seconds = seconds
        self._address = address or prefix
        self._key = ""
        self._renewed_at = NEVER  # by this machine's clock
        self._stored_at = datetime.min.replace(tzinfo=UTC)  # by the server's clock
        self._is_over, self._is_removed = threading.Event(), threading.Event()

    @property
    def spare_seconds(self) -> float:
        """Part of the lease that must be left when a request is sent, so that it arrives before the lease ends."""
        return min(self._store.timeout_seconds, self._seconds * LARGEST_SPARE)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lake while the context lasts, and renew the claim.

        Raises:
            LakeIsBusy: another run holds it.
        """
        self._claim()
        renewing = threading.Thread(target=self._keep_renewing, name="lease", daemon=True)
        renewing.start()
        try:
            yield
        except Exception:
            self._check()  # after the lease ran out, errors come from the work of another run
            raise
        finally:
            self._is_over.set()
            renewing.join()
            self._give_up()

    def assert_lease_held(self) -> None:
        """Check that no other run can hold the lake now, or before a request that is sent now arrives.

        Raises:
            RunFailed: the claim could not be renewed in time.
        """
        self._check(self.spare_seconds)

    def _check(self, spare_seconds: float = 0) -> None:
        if self._is_removed.is_set() or _now() - self._renewed_at >= self._seconds - spare_seconds:
            raise RunFailed(RAN_OUT)

    def _claim(self) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            # A new key for each attempt: the removal of the last claim may arrive late.
            self._key = f"{self._prefix}{secrets.token_hex(8)}.{round(self._seconds)}.json"
            others = self._put_and_look()
            if not others:
                return
            self._give_up()
            if attempt < ATTEMPTS:  # a run that claimed at the same moment gives up too
                time.sleep(random.uniform(0.1, 0.6) * attempt)  # noqa: S311 - spreads attempts, protects nothing
        raise LakeIsBusy(
            f"another run holds {self._address} ({self._holder(others[0])}, since "
            f"{others[0].modified_at:%H:%M:%S} UTC): wait until it ends; if it died, {self._end_of(others[0])}"
        )

    def _end_of(self, claim: Claim) -> str:
        """Return when the lease of a run that died is free. A clock that was ahead leaves claims that do not expire."""
        if claim.modified_at > self._stored_at + CLOCK_TICK:
            return f"remove {one_line(claim.key)} there, because its time is ahead of the clock"
        return f"its lease expires within {_seconds_of(claim):.0f} s"

    def _holder(self, claim: Claim) -> str:
        """Name the machine and process that hold the lake, as their claim says."""
        try:
            content, _ = self._store.read(claim.key) or (b"", claim)
            about = parse_json(content)
            return one_line(f"process {about['pid']} of {about['host']}")
        except (StoreUnavailable, ValueError, KeyError, TypeError):
            return one_line(claim.key.rpartition("/")[2])

    def _put_and_look(self) -> list[Claim]:
        """Store a claim and list the claims of others. Removes the claim if that fails."""
        try:
            asked_at = _now()
            mine = self._put()
            self._renewed_at, self._stored_at = asked_at, mine.modified_at
            return self._others(mine)
        except BaseException:
            self._give_up()
            raise

    def _others(self, mine: Claim) -> list[Claim]:
        """List valid claims of other runs. Removes expired ones, and those of processes of this machine that ended."""
        others = []
        for claim in self._store.list(self._prefix):
            if claim.key == mine.key or not claim.key.endswith(".json"):  # other programs leave other names
                continue
            is_expired = claim.modified_at + timedelta(seconds=_seconds_of(claim)) + CLOCK_TICK < mine.modified_at
            if is_expired or ((found := self._store.read(claim.key)) and has_ended(found[0])):
                self._store.delete(claim.key)
            else:
                others.append(claim)
        return others

    def _put(self, before_each: Callable[[], None] = lambda: None) -> Claim:
        # Each content is different: if an answer is lost, the claim before must not pass for this one.
        about = this_process() | {"nonce": secrets.token_hex(8)}
        return self._store.put(self._key, json.dumps(about).encode(), before_each=before_each)

    def _keep_renewing(self) -> None:
        pause = self._until_due()
        while not self._is_over.wait(pause / 2):
            # In a thread of its own: a store that does not answer must not delay the renewal.
            threading.Thread(target=self._look_for_claim, name="lease-look", daemon=True).start()
            if self._is_over.wait(pause / 2):
                return
            try:
                self._renew()
                pause = self._until_due()
            except RunFailed:
                self._renewed_at = NEVER  # and it stays so: another run may hold the lake
                return
            except StoreUnavailable:
                pause = self._seconds / 20

    def _look_for_claim(self) -> None:
        """Give up if the claim is gone: a person removed it, so that another run may begin."""
        with suppress(StoreUnavailable):
            if self._store.read(self._key) is None:
                self._is_removed.set()

    def _until_due(self) -> float:
        """Return the seconds until the next renewal of the claim."""
        return max(self._renewed_at + self._seconds * RENEWED_AFTER - _now(), 0)

    def _renew(self) -> None:
        """Store the claim again.

        Raises:
            RunFailed: the claim may have expired before.
            StoreUnavailable: it could not be stored this time.
        """
        asked_at = _now()
        stored = self._put(self._check)
        self._check()
        # Other runs use the server's clock. If that clock was set back, they may take this claim for an old one.
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
    """Return seconds of a clock that also counts while this machine is suspended, if it has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _seconds_of(claim: Claim) -> float:
    """Return how long a claim is valid, as its key says."""
    try:
        return float(claim.key.rpartition("/")[2].split(".")[1])
    except (IndexError, ValueError):
        return 60.0
