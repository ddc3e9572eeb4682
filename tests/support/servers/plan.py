"""Plans: the faults to inject and the requests that they hit."""

from __future__ import annotations

import enum
import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field


class Fault(enum.Enum):
    """Faults between a client and its S3 server."""

    SLOW_DOWN = "503 SlowDown; the server never saw the request"
    INTERNAL_ERROR = "500 InternalError; the server never saw the request"
    DENIED = "403 AccessDenied; the server never saw the request"
    EXPIRED = "400 ExpiredToken; the server never saw the request"
    RESET = "the connection is reset; the server never saw the request"
    DELAY = "the request reaches the server late, even after the client has given up"
    LATE_REPLY = "the server applied the request at once, but its reply comes late"
    LOST_REPLY = "the server applied the request, then the connection is reset"
    TRUNCATE = "the reply ends in the middle of its body with a normal close"
    CORRUPT = "one bit of the reply's body is flipped, its length is right"
    WITHOUT_ETAG = "the reply has no ETag"


PASSING = (Fault.SLOW_DOWN, Fault.INTERNAL_ERROR, Fault.RESET, Fault.LOST_REPLY, Fault.TRUNCATE)
"""Faults without a delay, which a client survives by retries."""


@dataclass(frozen=True)
class Request:
    """A request as the rules of a plan see it. Names of headers are in small letters."""

    number: int
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    operation: str


Choice = Callable[[Request], bool]


@dataclass(frozen=True)
class Injury:
    """A fault to inject now. DELAY and LATE_REPLY wait for `seconds`, or until an event."""

    fault: Fault
    seconds: float
    until: threading.Event | None = None


@dataclass
class _Rule:
    injury: Injury
    matches: Choice
    first: int
    last: float
    met: int = 0

    def decide(self, request: Request) -> Injury | None:
        if not self.matches(request):
            return None
        self.met += 1
        return self.injury if self.first <= self.met <= self.last else None


@dataclass
class _Chance:
    rate: float
    kinds: Sequence[Fault]
    seconds: float
    matches: Choice
    dice: random.Random

    def decide(self, request: Request) -> Injury | None:
        if not self.matches(request):
            return None
        # Both are drawn each time, so that hits depend on the seed and the rate but not on the kinds.
        hit, kind = self.dice.random() < self.rate, self.dice.choice(self.kinds)
        return Injury(kind, self.seconds) if hit else None


@dataclass
class Plan:
    """The planned faults. The first rule that hits a request decides. An empty plan injects nothing."""

    _rules: list[_Rule | _Chance] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inject(
        self,
        fault: Fault,
        *,
        operation: str | None = None,
        when: Choice = lambda _: True,
        nth: int = 1,
        times: int | None = 1,
        seconds: float = 2,
        until: threading.Event | None = None,
    ) -> None:
        """Hit the nth request from now with this operation for which `when` is true, and the next `times - 1`.

        Without operation and `when` every request counts. `times=None` has no end. A fault that waits does so for
        `seconds`, or until an event, which does not depend on the speed of the machine.
        """
        last = float("inf") if times is None else nth + times - 1
        self._add(_Rule(Injury(fault, seconds, until), _both(operation, when), nth, last))

    def at_random(
        self,
        rate: float,
        seed: int,
        kinds: Collection[Fault] = PASSING,
        *,
        when: Choice = lambda _: True,
        seconds: float = 2,
    ) -> None:
        """Hit a random part of the requests for which `when` is true. The same seed hits the same requests."""
        self._add(_Chance(rate, sorted(kinds, key=lambda kind: kind.name), seconds, when, random.Random(seed)))  # noqa: S311

    def calm(self) -> None:
        """Inject no more faults."""
        with self._lock:
            self._rules.clear()

    def decide(self, request: Request) -> Injury | None:
        """Return the fault for this request. All rules are called, so that each counts all requests."""
        with self._lock:
            injuries = [rule.decide(request) for rule in self._rules]
        return next((injury for injury in injuries if injury), None)

    def _add(self, rule: _Rule | _Chance) -> None:
        with self._lock:
            self._rules.append(rule)


def _both(operation: str | None, when: Choice) -> Choice:
    return lambda request: operation in (None, request.operation) and when(request)
