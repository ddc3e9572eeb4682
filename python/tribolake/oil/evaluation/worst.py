"""Choose examples of wrong texts, which explain the scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tribolake.oil.evaluation.judging import Judged


@dataclass(frozen=True)
class Example:
    """A text with a problem. `score` is the field of `Scores` that counts it."""

    score: str
    sample: str
    reason: str
    text: str  # its beginning


def examples_of(judged: Iterable[Judged], most: int) -> list[Example]:
    """Return the first problems of each score, at most `most`, in the order of the file.

    A text has one example of each score. Texts that are equal but for digits are one text.
    """
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
