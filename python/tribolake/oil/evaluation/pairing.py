"""Find the essay of each number in a sentence: mostly the essay that is named before it.

`hierro y cobre de 85 y 12 ppm` has two names, then two numbers: they are paired in order. `85 ppm de hierro` has the
name after the number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tribolake.oil.evaluation.clauses import clauses
from tribolake.oil.evaluation.essay_names import Mention

MOST_NAMES = 12  # in one list
NAME_AFTER = re.compile(
    r"\s*(?:ppm|%|cst|mg koh/g|a/cm|particulas/ml|particles/ml|mg/kg)?\s*(?:de|of)\s(?:el |la |the )?"
)
REFERENCE_TO_NAME = 24  # characters, at most, between a number and the name after it

Names = frozenset[str]


@dataclass(frozen=True)
class Paired:
    """Numbers that are read together. `readings` has the essays of each number, in each way to read them."""

    references: tuple[int, ...]  # positions in the list of numbers
    readings: tuple[tuple[Names, ...], ...]


def paired(text: str, names: Sequence[Mention], references: Sequence[tuple[int, int]]) -> list[Paired]:
    """Group references (start and end of each number) with the essays named in the same clause of a folded text.

    All are given from left to right. A reference without a name in its clause is not in a group.
    """
    groups: list[Paired] = []
    for start, end in clauses(text):
        near = [name for name in names if start <= name.start < end]
        inside = [(i, place) for i, place in enumerate(references) if start <= place[0] < end]
        groups += _of_clause(text, near, inside)
    return groups


def _of_clause(text: str, names: list[Mention], references: list[tuple[int, tuple[int, int]]]) -> list[Paired]:
    groups: list[Paired] = []
    before: list[Mention] = []
    together: list[int] = []
    last_end = -1
    for i, (start, end) in references:
        if (owner := _named_after(text, end, names)) is not None:
            groups += _group(before, together)
            before, together = [], []
            groups.append(Paired((i,), ((owner.essays,),)))
            last_end = owner.start  # the name may also belong to the next number
            continue
        new = [name for name in names if last_end <= name.start < start]
        if new:
            groups += _group(before, together)
            before, together = new[-MOST_NAMES:], []
        together.append(i)
        last_end = end
    return groups + _group(before, together)


def _named_after(text: str, end: int, names: list[Mention]) -> Mention | None:
    for name in names:
        if end <= name.start <= end + REFERENCE_TO_NAME:
            return name if NAME_AFTER.fullmatch(text, end, name.start) else None
    return None


def _group(names: list[Mention], references: list[int]) -> list[Paired]:
    if not names or not references:
        return []
    essays = [name.essays for name in names]
    readings = [(essays[-1],) * len(references)]
    # The last `count` names in order: each with its references, or all with their values and then their limits.
    for count in range(2, len(essays) + 1):
        if len(references) % count == 0:
            listed, each = essays[-count:], len(references) // count
            readings.append(tuple(listed[k // each] for k in range(len(references))))
            readings.append(tuple(listed[k % count] for k in range(len(references))))
    return [Paired(tuple(references), tuple(dict.fromkeys(readings)))]
