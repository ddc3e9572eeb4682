"""A delivery that is killed at a call of a function, as by a power loss."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tribolake.settings import Settings

SCRIPT = """
import os, signal, sys
from tribolake.market import deliver, sinks
from tribolake.market.aurora import sink, store
from tribolake.market.product import MARKET
from tribolake.settings import load_settings

place, name, nth, version = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] or None
place = {"deliver": deliver, "lake": sinks.LakeSink, "aurora": sink.AuroraSink, "store": store}[place]
original, calls = getattr(place, name), [0]

def killed(*arguments, **named):
    found = original(*arguments, **named)
    calls[0] += 1
    if calls[0] == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(place, name, killed)
deliver.deliver_pending(MARKET, MARKET.of(load_settings()), version=version)
"""


def kill_delivery(settings: Settings, place: str, name: str, nth: int, *, version: str = "") -> None:
    """Deliver what is pending in a process of its own, and kill it after the nth call of a function.

    Args:
        settings: the lake, and Aurora if it has an address.
        place: whose function it is: `deliver`, `lake`, `aurora` or `store`.
        name: of the function.
        nth: call of it.
        version: a computation version that becomes the current one first.
    """
    environment = os.environ | {"TRIBOLAKE_LAKE": str(settings.lake)}
    if settings.aurora.url:
        environment["TRIBOLAKE_AURORA_URL"] = settings.aurora.url.get_secret_value()
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, place, name, str(nth), version],
        env=environment,
        check=False,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
