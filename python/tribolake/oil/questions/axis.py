"""Where samples stand on an axis: by their day, by the hours of the machine, or by those of the oil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from tribolake.oil.questions.taken import Taken

AxisKind = Literal["date", "machine", "oil"]
SHORTEST: dict[AxisKind, float] = {"date": 30, "machine": 250, "oil": 100}  # days or hours


@dataclass(frozen=True)
class Segment:
    """What one meter showed, from low to high. Its low stands at `start` of the axis."""

    start: float
    low: float
    high: float

    def place(self, reading: float) -> float:
        return self.start + reading - self.low


@dataclass(frozen=True)
class Axis:
    """The places of samples, in days or hours. None is a sample that has none.

    `lines` are those that join values: on an axis of the hours of oil each fill is one, and the last one is `line`.
    A day is its number of `date.toordinal`.
    """

    kind: AxisKind
    places: tuple[float | None, ...]
    lines: tuple[int, ...]
    segments: tuple[Segment, ...]
    first: float
    last: float
    line: int

    def spans(self, low: float, high: float) -> list[tuple[float, float]]:
        """Return where readings from low to high stand: on the part of each meter that showed them."""
        cut = ((one, max(low, one.low), min(high, one.high)) for one in self.segments)
        return [(one.place(start), one.place(end)) for one, start, end in cut if start < end]


def axis_of(kind: AxisKind, samples: Sequence[Taken], used: Sequence[int]) -> Axis | None:
    """Return an axis of samples. Returns None if none of them has hours.

    The axis of the machine's hours goes on where a meter ends and another one begins: no hours are known between them.

    Args:
        kind: of the axis.
        samples: of a component, by time.
        used: the places of those that have a value.
    """
    wanted = set(used)
    lines = tuple(sample.fill if kind == "oil" else 0 for sample in samples)
    if kind == "machine":
        segments = _of_meters([sample for at, sample in enumerate(samples) if at in wanted])
        places = tuple(
            segments[sample.machine.meter].place(sample.machine.hours)
            if at in wanted and sample.machine is not None
            else None
            for at, sample in enumerate(samples)
        )
        found = tuple(segments.values())
    else:
        readings = [float(one.day.toordinal()) if kind == "date" else one.oil_hours for one in samples]
        places = tuple(reading if at in wanted else None for at, reading in enumerate(readings))
        found = ()
    known = [place for place in places if place is not None]
    if not known:
        return None
    last = max(known)
    first = 0.0 if kind == "oil" else min(*known, last - SHORTEST[kind])
    if kind == "oil":
        last = max(last, SHORTEST[kind])
    line = max(line for line, place in zip(lines, places, strict=True) if place is not None)
    return Axis(kind, places, lines, found or (Segment(first, first, last),), first, last, line)


def _of_meters(samples: Sequence[Taken]) -> dict[int, Segment]:
    """Return the segment of each meter, one after the other. The first one begins at its own reading."""
    known = [sample.machine for sample in samples if sample.machine is not None]
    segments: dict[int, Segment] = {}
    end: float | None = None
    for meter, readings in groupby(known, key=lambda reading: reading.meter):
        hours = [reading.hours for reading in readings]
        low, high = hours[0], hours[-1]
        segments[meter] = Segment(low if end is None else end, low, high)
        end = segments[meter].place(high)
    return segments
