"""Which essay a number or slot of a sentence speaks of: that whose name stands before it, as readers take it.

`hierro y cobre de 85 y 12 ppm` names two and then counts two: readers pair them in order. `85 ppm de hierro` names the
essay afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tribolake.oil.evaluation.clauses import clauses
from tribolake.oil.evaluation.essay_names import Mention

MOST_NAMES = 12  # that are read together as a list
NAME_AFTER = re.compile(
    r"\s*(?:ppm|%|cst|mg koh/g|a/cm|particulas/ml|particles/ml|mg/kg)?\s*(?:de|of)\s(?:el |la |the )?"
)
REFERENCE_TO_NAME = 24  # characters, at most, between a number and the name that follows it

Names = frozenset[str]


@dataclass(frozen=True)
class Paired:
    """Numbers or slots, by their place in the list that was given, and the essays of each: one reading per tuple."""

    references: tuple[int, ...]
    readings: tuple[tuple[Names, ...], ...]


def paired(text: str, names: Sequence[Mention], references: Sequence[tuple[int, int]]) -> list[Paired]:
    """Pair references with the essays named in the same clause.

    Args:
        text: folded, of the length that the places are about.
        names: mentions of essays, from left to right.
        references: start and end of each number or slot, from left to right.

    Returns:
        Groups of references that are read together. A reference without a name in its clause is in none.
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
            last_end = owner.start  # the name may own what follows too
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
    # The last so many names in order, each with one reference, or all with their values and then their limits.
    for count in range(2, len(essays) + 1):
        if len(references) % count == 0:
            listed, each = essays[-count:], len(references) // count
            readings.append(tuple(listed[k // each] for k in range(len(references))))
            readings.append(tuple(listed[k % count] for k in range(len(references))))
    return [Paired(tuple(references), tuple(dict.fromkeys(readings)))]
