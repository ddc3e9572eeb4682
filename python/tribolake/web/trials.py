"""Judgements of a server: one at a time, in a process with limits, each kept for who asks again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from tribolake.errors import TribolakeError
from tribolake.oil.limits.apart import change_apart, judge_apart
from tribolake.oil.limits.choice import Choice
from tribolake.oil.limits.published_samples import PublishedSamples
from tribolake.oil.limits.status_change import StatusChange
from tribolake.oil.limits.trial import Judged
from tribolake.oil.limits.variants import ReportName

SECONDS = 90.0  # the first one after an update of tribolake compiles the models too
KEPT = 8
KEPT_CHANGES = 64  # a few hundred bytes each
Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")


class TrialBusy(TribolakeError):
    """Another judgement is at work on this server."""


@dataclass(frozen=True)
class Trials:
    """Judgements of an application. Nothing is written: those kept are lost with the process."""

    seconds: float = SECONDS
    working: Lock = field(default_factory=Lock)
    kept: OrderedDict[tuple[PublishedSamples, Choice], Judged] = field(default_factory=OrderedDict)
    changes: OrderedDict[tuple[PublishedSamples, ReportName], StatusChange] = field(default_factory=OrderedDict)

    def judge(self, samples: PublishedSamples, choice: Choice) -> Judged:
        """Judge published samples by a choice. The files of a publication are its key, and never change.

        Raises:
            TrialBusy: another one is at work.
            ConfigurationError: the choice is not possible with these samples.
            TrialOverdue: it takes too long.
            TrialFailed: its process failed.
        """
        return self._once(self.kept, KEPT, (samples, choice), lambda: judge_apart(samples, choice, self.seconds))

    def change(self, samples: PublishedSamples, name: ReportName) -> StatusChange:
        """Say what would change the status of a report. Raises as :meth:`judge` does."""
        asked = (samples, name)
        return self._once(self.changes, KEPT_CHANGES, asked, lambda: change_apart(samples, name, self.seconds))

    def _once(self, kept: OrderedDict[Q, A], most: int, asked: Q, judge: Callable[[], A]) -> A:
        if (found := kept.get(asked)) is not None:
            return found
        if not self.working.acquire(blocking=False):
            raise TrialBusy("another judgement is at work")
        try:
            judged = judge()
        finally:
            self.working.release()
        kept[asked] = judged
        while len(kept) > most:
            kept.popitem(last=False)
        return judged
