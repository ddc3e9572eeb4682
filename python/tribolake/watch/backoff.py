"""Waiting times after failed runs."""

from __future__ import annotations

from collections.abc import Mapping

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_exponential_jitter

from tribolake.errors import LakeIsBusy

# Another run ends within seconds. Other failures mostly need a person.
SOON = wait_exponential_jitter(multiplier=0.5, max=5, jitter=0.5)
LATER = wait_exponential_jitter(multiplier=1, max=300, jitter=1)
WAITS: Mapping[str, wait_base] = {LakeIsBusy.__name__: SOON}


class Backoff:
    """Counts failures in a row. Each one waits longer, with jitter so that many lakes do not retry at once."""

    def __init__(self) -> None:
        self._state = RetryCallState(Retrying(), None, (), {})
        self._state.attempt_number = 0

    def failed(self, error: str) -> float:
        """Count a failure with an error of this class. Returns the seconds to wait."""
        self._state.attempt_number += 1
        return WAITS.get(error, LATER)(self._state)

    def succeeded(self) -> None:
        self._state.attempt_number = 0
