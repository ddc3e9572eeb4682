"""Calls that are given up after a time, whatever they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

from tribolake.errors import TribolakeError

Result = TypeVar("Result")


class GivenUp(TribolakeError):
    """A call did not end in its time."""


def within(seconds: float, action: Callable[[], Result], abandon: Callable[[], None]) -> Result:
    """Carry out an action in a thread of its own: see :func:`each_within`. What it raises is raised here."""
    ((_, result),) = each_within(seconds, [action], abandon)
    if isinstance(result, BaseException):
        raise result
    return result


def each_within(
    seconds: float, actions: Sequence[Callable[[], Result]], abandon: Callable[[], None]
) -> Iterator[tuple[int, Result | BaseException]]:
    """Carry out actions at the same time, each in a thread of its own, which may hang in the system or in a library.

    Args:
        seconds: time in which one of them must end after the one before.
        actions: they must not change anything that the caller uses.
        abandon: called when the time is over, to end them if it can.

    Yields:
        The position of an action that has ended, and what it returned or raised.

    Raises:
        GivenUp: the time is over. What an action returns later is lost.
    """
    ended: SimpleQueue[tuple[int, Result | BaseException]] = SimpleQueue()

    def carry_out(position: int) -> None:
        try:
            ended.put((position, actions[position]()))
        except BaseException as error:  # it is for the thread of the caller
            ended.put((position, error))

    for position in range(len(actions)):
        # A daemon does not keep the process from ending.
        threading.Thread(target=carry_out, args=(position,), name="sink", daemon=True).start()
    for _ in actions:
        try:
            yield ended.get(timeout=max(seconds, 0))
        except Empty:
            abandon()
            raise GivenUp(f"no answer within {seconds:.0f} s") from None
