"""What a meter counted over samples: where a new one began, and which readings contradict the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

HOURS_A_DAY = 24
SLACK_DAYS = 7  # between the day of a sample and that of its reading
NEIGHBOURS = 40  # readings before one that are compared with it
# How many readings must speak for a new meter. One that began at zero needs less evidence.
FROM_ZERO, FROM_ELSEWHERE = 0.5, 3.0


@dataclass(frozen=True)
class Reading:
    """A reading that agrees with its neighbours. `meter` counts the meters, from 0."""

    hours: float
    meter: int


def agreeing(days: Sequence[date], readings: Sequence[float | None]) -> list[Reading | None]:
    """Return the readings that one meter after another can have shown, as many as possible.

    A meter never goes back, and counts at most 24 hours a day. Readings that no such meter shows are left out: people
    write the hours of a component, or a digit too few. Takes time with the square of the number of readings.

    Args:
        days: those of the samples, in their order.
        readings: the hours of each. None where there is none.

    Returns:
        For each sample its reading, or None without one or if it contradicts the others.
    """
    known = [(at, day, hours) for at, (day, hours) in enumerate(zip(days, readings, strict=True)) if hours is not None]
    worth: list[float] = []
    before: list[int | None] = []
    is_new: list[bool] = []
    for at, (_, day, hours) in enumerate(known):
        best: tuple[float, int | None, bool] = (0.0, None, False)
        for earlier in range(max(0, at - NEIGHBOURS), at):
            _, then, had = known[earlier]
            possible = HOURS_A_DAY * ((day - then).days + SLACK_DAYS)
            if 0 <= hours - had <= possible:
                choice = (worth[earlier], earlier, False)
            else:
                evidence = FROM_ZERO if hours < had and hours <= possible else FROM_ELSEWHERE
                choice = (worth[earlier] - evidence, earlier, True)
            # Of equal choices the later one leaves out less between.
            if choice[0] >= best[0]:
                best = choice
        worth.append(best[0] + 1)
        before.append(best[1])
        is_new.append(best[2])
    chain: list[int] = []
    at_last = max(range(len(known)), key=lambda at: (worth[at], at)) if known else None
    while at_last is not None:
        chain.append(at_last)
        at_last = before[at_last]
    found: list[Reading | None] = [None] * len(readings)
    meter = 0
    for one in reversed(chain):
        meter += is_new[one]
        found[known[one][0]] = Reading(known[one][2], meter)
    return found
