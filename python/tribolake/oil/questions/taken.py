"""What stands beside the values of a component's samples: the meters, the fills of oil, and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from tribolake.oil.questions.meters import Reading, agreeing

EventKind = Literal["oil", "filter", "component", "meter"]


@dataclass(frozen=True)
class Taken:
    """A sample. `fill` counts the fills of oil, from 0.

    `machine` is None if its hours are not known, or contradict those of other samples: see `oil/questions/meters.py`.
    """

    day: date
    machine: Reading | None = None
    contradicts: bool = False
    oil_hours: float | None = None
    fill: int = 0


@dataclass(frozen=True)
class Event:
    """What happened at a sample: a change of oil, filter or component, or a meter that began again.

    `sample` is its place among the samples.
    """

    day: date
    kind: EventKind
    sample: int = 0


def taken_of(reports: Sequence[Mapping[str, Any]]) -> tuple[tuple[Taken, ...], tuple[Event, ...]]:
    """Return the samples of a component and what happened at them.

    Args:
        reports: rows with sampleDate, machineHours, componentHours, oilMeter, oilChanged and filterChanged, by time.
    """
    days = [row["sampleDate"] for row in reports]
    machine = agreeing(days, [row["machineHours"] for row in reports])
    component = agreeing(days, [row["componentHours"] for row in reports])
    samples: list[Taken] = []
    events: list[Event] = []
    hours, fill, was_changed = 0.0, 0, False
    for at, row in enumerate(reports):
        oil = row["oilMeter"]
        # Not each laboratory says when oil was changed. Its hours begin again.
        if is_behind := oil is not None and oil < hours:
            hours = 0.0
        if was_changed or is_behind:
            fill += 1
        if row["oilChanged"] == "Y" or (is_behind and not was_changed):
            events.append(Event(days[at], "oil", at))
        hours = hours if oil is None else oil
        was_changed = row["oilChanged"] == "Y"
        if was_changed:
            hours = 0.0
        if row["filterChanged"] == "Y":
            events.append(Event(days[at], "filter", at))
        reading = machine[at]
        samples.append(Taken(days[at], reading, reading is None and row["machineHours"] is not None, oil, fill))
    events += _new_meters(days, component, "component")
    events += _new_meters(days, machine, "meter")
    return tuple(samples), tuple(sorted(events, key=lambda event: event.sample))


def _new_meters(days: Sequence[date], readings: Sequence[Reading | None], kind: EventKind) -> list[Event]:
    found, meter = [], 0
    for at, reading in enumerate(readings):
        if reading is not None and reading.meter > meter:
            found.append(Event(days[at], kind, at))
            meter = reading.meter
    return found
