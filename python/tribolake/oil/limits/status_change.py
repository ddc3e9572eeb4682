"""Say what would change the status of a report: the least that lowers it, and the results nearest to raising it.

The product's own models judge every change that is considered. The size of a change is the difference as a share of the
larger number, so it is the same from 62 to 45 as from 45 to 62.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Literal, TypeVar

from tribolake.lake.objects import Objects
from tribolake.oil.limits.published_samples import PublishedSamples, judged_by, published_samples
from tribolake.oil.limits.variants import (
    BATCH,
    Changed,
    Coded,
    Judgement,
    Measured,
    ReportName,
    SampleJudge,
    opened_sample,
)
from tribolake.oil.questions.essays import place_of
from tribolake.settings import Settings

T = TypeVar("T")
Sign = Literal["<", "<=", ">", ">=", "code"]
MOST_TOGETHER = 3  # results that are changed at once
MOST_NEAREST = 3  # results that would raise a status
MOST_COMBINED = 12  # results that are combined: more are changed all at once only


@dataclass(frozen=True)
class Condition:
    """What another result would have to be: a number below, up to, above or from `bound`, or a code."""

    essay: str
    sign: Sign
    bound: float | None = None
    code: str | None = None


@dataclass(frozen=True)
class Outcome:
    """A status, and the results that would give it while all others stay. `is_all` marks all that weigh."""

    status: str
    conditions: tuple[Condition, ...]
    is_all: bool = False


@dataclass(frozen=True)
class StatusChange:
    """What would change a status. `status` is how the models judge the sample as it is.

    `lowers` is None where nothing is in alarm. `raises` has single results, the nearest first, and an essay once.
    """

    status: str
    lowers: Outcome | None
    raises: tuple[Outcome, ...]


@dataclass(frozen=True)
class _Step:
    """A change of one result, outwards from what it is."""

    changed: Changed
    condition: Condition
    direction: int  # -1 downwards, 1 upwards; codes have ranks
    size: float

    @property
    def order(self) -> tuple[bool, float, tuple[int, str], int]:
        """Numbers come before codes, then the smallest change, then the order of essays."""
        return self.changed.code is not None, self.size, place_of(self.changed.essay), self.direction


def question_of(published: Objects, report: Mapping[str, Any]) -> tuple[PublishedSamples, ReportName]:
    """Return the samples and the name with which :func:`change_of` is asked about a published report.

    Raises:
        ConfigurationError: nothing of its client is published that can be judged again.
    """
    samples = published_samples(published, str(report["client"]).lower())
    name = ReportName(report["laboratory"], report["sampleNumber"], report["sampleOccurrence"], report["unitId"])
    return judged_by(samples, published, report["limits_version"], report["policy"]), name


_Judged = list[tuple[_Step, Judgement]]


def change_of(settings: Settings, samples: PublishedSamples, name: ReportName) -> StatusChange:
    """Say what would change the status of a report.

    Args:
        settings: the memory that the database may use, and where compiled models are kept.
        samples: of the report's publication, with the limits and the policy that judged it.
        name: of the report.

    Raises:
        ConfigurationError: there is no such report.
    """
    with opened_sample(settings, samples, name) as judge:
        steps = [*_steps_of_numbers(judge.measured), *_steps_of_codes(judge.coded)]
        judged = list(zip(steps, _each(judge, [(step.changed,) for step in steps]), strict=True))
        now = judge.own.severity
        return StatusChange(judge.own.status, _lowers(judge, judged) if now else None, _raises(judged, now))


def _steps_of_numbers(measured: Sequence[Measured]) -> Iterator[_Step]:
    """Return steps to each bound of a result and to its nearest neighbours on both sides."""
    for one in measured:
        for bound, side in product(one.bounds, (-1, 0, 1)):
            number = math.nextafter(bound, side * math.inf) if side else bound
            if number == one.value or number < 0 or not math.isfinite(number):
                continue
            direction = 1 if number > one.value else -1
            sign: Sign = (">" if side > 0 else ">=") if direction > 0 else ("<" if side < 0 else "<=")
            size = abs(number - one.value) / max(abs(number), abs(one.value))
            yield _Step(Changed(one.essay, number=number), Condition(one.essay, sign, bound=bound), direction, size)


def _steps_of_codes(coded: Sequence[Coded]) -> Iterator[_Step]:
    for one in coded:
        now = one.ranks.get(one.code, 0)
        for code, rank in one.ranks.items():
            if rank != now:
                yield _Step(
                    Changed(one.essay, code=code), Condition(one.essay, "code", code=code), rank - now, abs(rank - now)
                )


def _each(judge: SampleJudge, variants: Sequence[tuple[Changed, ...]]) -> list[Judgement]:
    return [judgement for some in _batches(variants) for judgement in judge.judge(some)]


def _batches(these: Sequence[T]) -> Iterator[Sequence[T]]:
    return (these[at : at + BATCH] for at in range(0, len(these), BATCH))


def _raises(judged: _Judged, now: int) -> tuple[Outcome, ...]:
    nearest: dict[str, Outcome] = {}
    for step, judgement in sorted(judged, key=lambda one: one[0].order):
        if judgement.severity > now:
            nearest.setdefault(step.changed.essay, Outcome(judgement.status, (step.condition,)))
    return tuple(nearest.values())[:MOST_NEAREST]


def _lowers(judge: SampleJudge, judged: _Judged) -> Outcome | None:
    """Return the fewest results that lower the status, and of these the smallest change."""
    now = judge.own.severity
    found = [(step, judgement) for step, judgement in judged if judgement.severity < now]
    if found:
        step, judgement = min(found, key=lambda one: one[0].order)
        return Outcome(judgement.status, (step.condition,))
    lighter = _lighter(judge.own, judged)
    if len(lighter) <= MOST_COMBINED:
        for number in range(2, MOST_TOGETHER + 1):
            sets = [one for some in combinations(lighter, number) for one in product(*some)]
            sets.sort(key=_order_of_set)
            for batch in _batches(sets):
                judgements = judge.judge([tuple(step.changed for step in one) for one in batch])
                for one, judgement in zip(batch, judgements, strict=True):
                    if judgement.severity < now:
                        return Outcome(judgement.status, tuple(step.condition for step in one))
    every = tuple(steps[-1] for steps in lighter)
    (judgement,) = judge.judge([tuple(step.changed for step in every)])
    if judgement.severity >= now:
        return None
    return Outcome(judgement.status, tuple(step.condition for step in every), is_all=True)


def _order_of_set(steps: Sequence[_Step]) -> tuple[bool, float]:
    return any(step.changed.code is not None for step in steps), sum(step.size for step in steps)


def _lighter(own: Judgement, judged: _Judged) -> list[list[_Step]]:
    """Return for each result that weighs the steps after which it weighs less, each to a weight of its own.

    The smallest step is the first, and the last one leaves the least weight.
    """
    found: dict[str, dict[tuple[int, int], _Step]] = {}
    for step, judgement in sorted(judged, key=lambda one: one[0].order):
        essay = step.changed.essay
        points, severity = judgement.weights[essay]
        had_points, had_severity = own.weights[essay]
        if points <= had_points and severity <= had_severity and (points, severity) != (had_points, had_severity):
            found.setdefault(essay, {}).setdefault((points, severity), step)
    return [[step for _, step in sorted(found[essay].items(), reverse=True)] for essay in sorted(found, key=place_of)]
