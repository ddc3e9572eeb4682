"""What ends a wait: a bell that other threads and signals ring."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType


class Bell:
    """A pipe that is readable from the first ring until it is silenced; ringing never waits and needs no lock."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        return self._reading

    def ring(self) -> None:
        with suppress(BlockingIOError):  # full of rings: one more changes nothing
            os.write(self._writing, b"!")

    def silence(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._reading, 4096):
                pass

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


class StopRequests:
    """How often this process was asked to stop."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@contextmanager
def stop_requests(bell: Bell, numbers: Sequence[signal.Signals]) -> Iterator[StopRequests]:
    """Count these signals instead of dying of them, and ring the bell at each.

    A handler alone does not end a wait: Python goes on waiting after it (PEP 475).
    """
    requests = StopRequests()
    before = {number: signal.signal(number, requests) for number in numbers}
    descriptor = signal.set_wakeup_fd(bell._writing, warn_on_full_buffer=False)
    try:
        yield requests
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
