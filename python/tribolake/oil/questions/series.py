"""The values of a component over time, by essay, with the limits that judged the last of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from tribolake.lake.objects import Objects
from tribolake.oil.questions.deciding import deciding_essays
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.report import limits_of
from tribolake.oil.questions.units import unit_of
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings
from tribolake.sql import literal, quoted

MOST_SAMPLES = 240  # of a series: the newest
BANDS = ("Critico", "Condenatorio", "Marginal")  # the worst first
COLUMNS = (
    "client", "laboratory", "sampleNumber", "sampleOccurrence", "sampleDate", "machineName", "machineModel",
    "componentNameNormalized", "policy", "limits_version", "machineHours", "componentHours", "oilChanged",
    "filterChanged", "essay_status", "censored_essays", "delivered_essays",
)  # fmt: skip
EventKind = Literal["oil", "filter", "component", "meter"]


@dataclass(frozen=True)
class Point:
    """A value of an essay. `band` is the limit that it breaks, or empty.

    `text` is what the laboratory wrote of a value out of the method's range, such as `<0,05`. It is empty for others.
    `value` is then what gold calculates with: zero below the range, the bound above it.
    """

    day: date
    value: float
    band: str
    text: str = ""


@dataclass(frozen=True)
class EssaySeries:
    """Values of an essay in one unit, by time. `limits` are thresholds by name, as in `oil/questions/limits.py`."""

    essay: str
    unit: str | None
    points: tuple[Point, ...]
    limits: Mapping[str, float | None]
    decides: bool

    @property
    def band(self) -> str:
        """The limit that the last value breaks, or an empty text."""
        return self.points[-1].band


@dataclass(frozen=True)
class Event:
    """What happened at a sample: a change of oil, filter or component, or a meter that began again."""

    day: date
    kind: EventKind


@dataclass(frozen=True)
class ComponentSeries:
    """Series of a component, those in alarm first. `samples` is their number, of which `dropped` older ones."""

    series: tuple[EssaySeries, ...]
    events: tuple[Event, ...]
    samples: int
    dropped: int


def essay_series(
    settings: Settings,
    client: str,
    unit: str,
    component: str,
    published: Objects | None = None,
    until: Mapping[str, Any] | None = None,
) -> ComponentSeries:
    """Read the series of a component from published reports.

    Args:
        settings: the lake.
        client: its folder.
        unit: in the published spelling.
        component: its name.
        published: objects of the lake, pinned if other questions must see the same publication. None opens them.
        until: the last report, with sampleNumber, sampleOccurrence and laboratory. None means all reports.
    """
    essays = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true" and row["kind"] == "numeric"]
    select = (
        f"select {', '.join(map(quoted, (*COLUMNS, *essays)))} from classified_reports"
        f" where unitId = {literal(unit)} and componentName = {literal(component)}"
        " order by sampleTimestamp, sourceRow desc"
    )
    reports = _up_to(rows(settings, select, [client], published), until)
    known = reports[-MOST_SAMPLES:]
    if not known:
        return ComponentSeries((), (), 0, 0)
    limits, deciding = limits_of(settings, known[-1]), deciding_essays(known[-1]["policy"])
    series = [_series(essay, known, limits.get(essay, {}), essay in deciding) for essay in essays]
    return ComponentSeries(
        tuple(sorted((one for one in series if one), key=_place)),
        tuple(_events(known)),
        len(reports),
        len(reports) - len(known),
    )


def _up_to(reports: Sequence[dict[str, Any]], until: Mapping[str, Any] | None) -> Sequence[dict[str, Any]]:
    if until is None:
        return reports
    names = ("sampleNumber", "sampleOccurrence", "laboratory")
    last = next((at for at, row in enumerate(reports) if all(row[name] == until[name] for name in names)), -1)
    return reports[: last + 1]


def _place(series: EssaySeries) -> tuple[bool, bool, int]:
    """Put essays in alarm first, those that decide before the others, and the worst band of them."""
    return (not series.band, not series.decides, BANDS.index(series.band) if series.band else 0)


def _series(
    essay: str, reports: Sequence[Mapping[str, Any]], limits: Mapping[str, Any], decides: bool
) -> EssaySeries | None:
    """Return the series of an essay that the last report has. Values in another unit than its own are left out."""
    found = [(_point(essay, row), _unit(essay, row)) for row in reports if row[essay] is not None]
    if not found or reports[-1][essay] is None:
        return None
    unit = found[-1][1]
    points = tuple(point for point, own in found if own == unit)
    fits = limits.get("unit") in (None, unit)
    return EssaySeries(essay, unit, points, limits if fits else {}, decides)


def _point(essay: str, row: Mapping[str, Any]) -> Point:
    status = _json(row["essay_status"]).get(essay, "")
    text = _json(row["censored_essays"]).get(essay, "")
    return Point(row["sampleDate"], row[essay], status if status in BANDS else "", text)


def _unit(essay: str, row: Mapping[str, Any]) -> str | None:
    return unit_of(essay, row[essay], _json(row["delivered_essays"]).get(essay))


def _json(text: str | None) -> Mapping[str, str]:
    found: Mapping[str, str] = json.loads(text or "{}")
    return found


def _events(reports: Sequence[Mapping[str, Any]]) -> list[Event]:
    events = []
    hours: dict[EventKind, float] = {}
    changes: tuple[tuple[EventKind, str], ...] = (("oil", "oilChanged"), ("filter", "filterChanged"))
    meters: tuple[tuple[EventKind, str], ...] = (("component", "componentHours"), ("meter", "machineHours"))
    for row in reports:
        events += [Event(row["sampleDate"], kind) for kind, column in changes if row[column] == "Y"]
        for kind, column in meters:
            read = row[column]
            if read is None:
                continue
            if read < hours.get(kind, read):  # a new component, or a new meter
                events.append(Event(row["sampleDate"], kind))
            hours[kind] = read
    return events
