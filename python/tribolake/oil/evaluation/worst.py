"""Examples of what is wrong, so that a reader of the scores can see why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tribolake.oil.evaluation.judging import Judged


@dataclass(frozen=True)
class Example:
    """A text with a problem; `score` is the field of `Scores` that counts it."""

    score: str
    sample: str
    reason: str
    text: str  # its beginning


def examples_of(judged: Iterable[Judged], most: int) -> list[Example]:
    """The first problems of each score, in the order of the file, one per text and score; equal texts once."""
    found: dict[str, list[Example]] = {}
    seen: set[tuple[str, bytes]] = set()
    for row in judged:
        of_row = dict(reversed(row.problems))
        for score, reason in of_row.items():
            examples = found.setdefault(score, [])
            if len(examples) < most and (score, row.masked_fingerprint or row.sample.encode()) not in seen:
                seen.add((score, row.masked_fingerprint or row.sample.encode()))
                examples.append(Example(score, row.sample, reason, row.shown))
    return [example for score in sorted(found) for example in found[score]]
