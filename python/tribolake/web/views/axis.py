"""What stands at an axis: names of its places, and what it does not show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from tribolake.oil.questions.axis import Axis
from tribolake.oil.questions.taken import Taken
from tribolake.web.views.plot import Text, ticks
from tribolake.web.words import Words

MOST_LABELS = 5
NEAREST = 0.2  # labels of hours, as a share of the axis


def texts_at(axis: Axis, words: Words) -> list[Text]:
    """Return the names of places: beginnings of years or months, or round numbers that the meters showed."""
    if axis.kind == "date":
        return texts_of_days(date.fromordinal(int(axis.first)), date.fromordinal(int(axis.last)), words)
    # The meter of today names its places first, and others where there is room.
    texts: list[Text] = []
    for segment in reversed(axis.segments):
        readings = ticks(segment.low, segment.high) if segment.high > segment.low else [segment.low]
        for reading in readings:
            at = segment.place(reading)
            if all(abs(at - one.at) >= NEAREST * (axis.last - axis.first) for one in texts):
                texts.append(Text(at, words.number(reading)))
    return sorted(texts, key=lambda text: text.at)


def texts_of_days(first: date, last: date, words: Words) -> list[Text]:
    """Return the names of days between two: beginnings of years or months."""
    return [Text(day.toordinal(), _day(day, first, last, words)) for day in _days(first, last)]


def left_out(axis: Axis | None, kind: str, samples: Sequence[Taken], used: Sequence[int], words: Words) -> list[str]:
    """Say what an axis of hours does not show: samples without hours, and hours that contradict others."""
    if kind == "date":
        return []
    contradicting = sum(samples[at].contradicts for at in used) if kind == "machine" else 0
    placed = sum(place is not None for place in axis.places) if axis else 0
    without = len(used) - placed - contradicting
    said = []
    if without:
        said.append(words(f"axis.{kind}_missing", n=words.number(without), all=words.number(len(used))))
    if contradicting:
        said.append(words("axis.contradicting", n=words.number(contradicting)))
    if axis and len(axis.segments) > 1:
        said.append(words("axis.meters", n=words.number(len(axis.segments))))
    if kind == "oil" and axis:
        said.append(words("axis.fills"))
    if axis and used and axis.places[used[-1]] is None:
        said.append(words("axis.latest_missing"))
    return said


def _days(first: date, last: date) -> list[date]:
    """Return days to name on the axis: beginnings of years, or of months where there are few years."""
    years = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    if len(years) >= 2:
        return years[:: math.ceil(len(years) / MOST_LABELS)]
    months = [
        date(year, month, 1)
        for year in range(first.year, last.year + 1)
        for month in range(1, 13)
        if first <= date(year, month, 1) <= last
    ]
    found = months[:: max(math.ceil(len(months) / 4), 1)]
    return found or [last]


def _day(day: date, first: date, last: date, words: Words) -> str:
    """Return the name of a day on the axis: a year, or a month where there are few years."""
    return str(day.year) if last.year - first.year >= 2 else words.month(day)
