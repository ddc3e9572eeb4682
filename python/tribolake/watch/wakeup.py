"""End a wait from other threads and from signals."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


class Wakeup:
    """A pipe that is readable from the first `wake()` until `clear()`. `wake()` never blocks and needs no lock."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def fileno(self) -> int:
        return self._reading

    def wake(self) -> None:
        with suppress(BlockingIOError):  # the pipe is full, so it is readable already
            os.write(self._writing, b"!")

    def clear(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._reading, 4096):
                pass

    def close(self) -> None:
        os.close(self._reading)
        os.close(self._writing)


class StopRequests:
    """Counts how often this process was asked to stop."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def wait_for_any(sources: Sequence[Any], seconds: float) -> list[Any]:
    """Wait until one of these can be read, at most so many seconds, and return those that can.

    `select.select` would refuse descriptors from 1024 on, which a process with many open files has.
    """
    with selectors.PollSelector() as selector:
        for source in sources:
            selector.register(source, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)]


@contextmanager
def stop_requests(wakeup: Wakeup, numbers: Sequence[signal.Signals]) -> Iterator[StopRequests]:
    """Count these signals instead of ending the process, and wake at each.

    A handler alone does not end a wait, because Python retries the system call after it (PEP 475).
    """
    requests = StopRequests()
    before = {number: signal.signal(number, requests) for number in numbers}
    descriptor = signal.set_wakeup_fd(wakeup._writing, warn_on_full_buffer=False)
    try:
        yield requests
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
