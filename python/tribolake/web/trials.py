"""What-if judgements of a server: one at a time, in a process with limits, each kept for who asks again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from tribolake.errors import TribolakeError
from tribolake.oil.limits.apart import judge_apart
from tribolake.oil.limits.choice import Choice
from tribolake.oil.limits.published_samples import PublishedSamples
from tribolake.oil.limits.trial import Judged

SECONDS = 90.0  # the first one after an update of tribolake compiles the models too
KEPT = 8


class TrialBusy(TribolakeError):
    """Another judgement is at work on this server."""


@dataclass(frozen=True)
class Trials:
    """Judgements of an application. Nothing is written: those kept are lost with the process."""

    seconds: float = SECONDS
    working: Lock = field(default_factory=Lock)
    kept: OrderedDict[tuple[PublishedSamples, Choice], Judged] = field(default_factory=OrderedDict)

    def judge(self, samples: PublishedSamples, choice: Choice) -> Judged:
        """Judge published samples by a choice. The files of a publication are its key, and never change.

        Raises:
            TrialBusy: another one is at work.
            ConfigurationError: the choice is not possible with these samples.
            TrialOverdue: it takes too long.
            TrialFailed: its process failed.
        """
        asked = (samples, choice)
        if (kept := self.kept.get(asked)) is not None:
            return kept
        if not self.working.acquire(blocking=False):
            raise TrialBusy("another judgement is at work")
        try:
            judged = judge_apart(samples, choice, self.seconds)
        finally:
            self.working.release()
        self.kept[asked] = judged
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return judged
