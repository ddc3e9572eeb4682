"""Judge in a process of its own, with limits on time and memory: a server goes on answering, and can end it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError, TribolakeError
from tribolake.oil.limits.choice import Choice, LimitGroup, Numbers
from tribolake.oil.limits.published_samples import PublishedSamples
from tribolake.oil.limits.status_change import Condition, Outcome, StatusChange
from tribolake.oil.limits.trial import Judged
from tribolake.oil.limits.variants import ReportName
from tribolake.run.apart import AnswerOverdue, answer_apart

CHILD = "tribolake.oil.limits.child"
MEMORY = "450MB"  # of its database


class TrialOverdue(TribolakeError):
    """A judgement did not end in time."""


class TrialFailed(TribolakeError):
    """The process that judges ended without an answer."""


def judge_apart(samples: PublishedSamples, choice: Choice, seconds: float) -> Judged:
    """Judge as `judge_choice` does, in another process.

    Raises:
        ConfigurationError: the choice is not possible with these samples.
        TrialOverdue: it takes longer than `seconds`. The process is ended.
        TrialFailed: the process ended without an answer.
    """
    found = _ask({"samples": asdict(samples), "choice": asdict(choice)}, seconds)
    rows = [row | {"sample_date": _day(row["sample_date"])} for row in found["rows"]]
    return Judged(found["reports"], rows, found["limits"])


def change_apart(samples: PublishedSamples, name: ReportName, seconds: float) -> StatusChange:
    """Say what `change_of` says, in another process. Raises as :func:`judge_apart` does."""
    found = _ask({"samples": asdict(samples), "report": asdict(name)}, seconds)
    lowers = _outcome(found["lowers"]) if found["lowers"] else None
    return StatusChange(found["status"], lowers, tuple(map(_outcome, found["raises"])))


def _ask(question: dict[str, Any], seconds: float) -> dict[str, Any]:
    asked = question | {"memory": MEMORY, "seconds": seconds}
    try:
        written, code = answer_apart(CHILD, json.dumps(asked, default=str).encode(), seconds)
    except AnswerOverdue as error:
        raise TrialOverdue(f"judging the samples again takes more than {seconds:g} s") from error
    try:
        found = json.loads(written)
    except ValueError as error:
        raise TrialFailed(f"the process that judges ended with {code} and without an answer") from error
    if "refused" in found:
        raise ConfigurationError(found["refused"])
    if "failed" in found:
        raise TrialFailed(found["failed"])
    return dict(found)


def _outcome(said: dict[str, Any]) -> Outcome:
    return Outcome(said["status"], tuple(Condition(**one) for one in said["conditions"]), said["is_all"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def samples_of(said: dict[str, Any]) -> PublishedSamples:
    """Return samples from the JSON of a question."""
    files = {name: Path(said[name]) if said[name] else None for name in ("reports", "results", "limits")}
    return PublishedSamples(**said | files)


def choice_of(said: dict[str, Any]) -> Choice:
    """Return a choice from the JSON of a question."""
    group = LimitGroup(**said["group"]) if said["group"] else None
    upper, lower, percentiles = (_numbers(said[name]) for name in ("upper", "lower", "percentiles"))
    return Choice(group, upper, lower, percentiles, said["policy"])


def _numbers(said: list[float | None]) -> Numbers:
    marginal, condenatorio, critico = said
    return marginal, condenatorio, critico
