"""Calls that are given up after a time, whatever they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeVar

from tribolake.errors import TribolakeError

Result = TypeVar("Result")


class GivenUp(TribolakeError):
    """A call did not end in its time."""


def within(seconds: float, action: Callable[[], Result], abandon: Callable[[], None]) -> Result:
    """Carry out an action in a thread of its own, which may hang in the system or in a library.

    Args:
        seconds: time that the action has.
        action: it must not change anything that the caller uses.
        abandon: called when the time is over, to end the action if it can.

    Raises:
        GivenUp: the time is over. What the action returns later is lost.
    """
    ended: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()

    def carry_out() -> None:
        try:
            ended.put((action(), None))
        except BaseException as error:  # it is raised in the thread of the caller
            ended.put((None, error))

    # A daemon does not keep the process from ending.
    threading.Thread(target=carry_out, name="sink", daemon=True).start()
    try:
        result, error = ended.get(timeout=max(seconds, 0))
    except Empty:
        abandon()
        raise GivenUp(f"no answer within {seconds:.0f} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
