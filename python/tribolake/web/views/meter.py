"""A value drawn against the limits that judged it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

WIDTH = 220.0
BEYOND = 0.35  # of the scale, beyond the outermost limit
UPPER = ("threshold_normal", "threshold_alert", "threshold_critic")
LOWER = ("lower_critic", "lower_alert", "lower_normal")
SLUGS = ("marginal", "condemning", "critical")


@dataclass(frozen=True)
class Zone:
    x: float
    width: float
    slug: str


@dataclass(frozen=True)
class Meter:
    """Zones of a scale and the places of the value and of the one before, from 0 to WIDTH.

    A value beyond the scale stands at its end, and `is_beyond` says so.
    """

    zones: tuple[Zone, ...]
    now: float
    before: float | None
    is_beyond: bool
    width: float = WIDTH


def meter_of(value: float | None, before: float | None, limits: Mapping[str, Any]) -> Meter | None:
    """Return the meter of a value. Returns None without a value or without limits.

    The scale shows the limits and a third beyond them, whatever the value is: so meters can be compared.
    """
    # A group with few samples has no critical limit.
    upper = [(limits[name], slug) for name, slug in zip(UPPER, SLUGS, strict=True) if limits[name] is not None]
    lower = [(limits[name], slug) for name, slug in zip(LOWER, SLUGS[::-1], strict=True) if limits[name] is not None]
    if value is None or not (upper or lower):
        return None
    known: list[float] = [at for at, _ in lower + upper]
    reach = known[-1] - known[0] or abs(known[-1]) or 1.0
    start = known[0] - BEYOND * reach if lower else min(0.0, known[0])
    end = known[-1] + (BEYOND * (known[-1] - start or 1.0) if upper else reach)

    def place(at: float) -> float:
        share = (at - start) / (end - start)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)

    above = pairwise([*upper, (end, "")])
    below = pairwise([(start, ""), *lower])
    zones = [Zone(place(low), round(place(high) - place(low), 1), slug) for (low, slug), (high, _) in above]
    zones += [Zone(place(low), round(place(high) - place(low), 1), slug) for (low, _), (high, slug) in below]
    return Meter(tuple(zones), place(value), None if before is None else place(before), not start <= value <= end)
