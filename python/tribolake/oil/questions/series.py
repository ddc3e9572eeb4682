"""The values of a component over time, by essay, with the limits that judged the last of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from tribolake.lake.objects import Objects
from tribolake.oil.contract import RESULTS
from tribolake.oil.questions.essays import place_of
from tribolake.oil.questions.limits import THRESHOLDS
from tribolake.oil.questions.order import OLDEST_FIRST
from tribolake.oil.questions.published import rows
from tribolake.oil.questions.taken import Event, Taken, taken_of
from tribolake.settings import Settings
from tribolake.sql import literal

MOST_SAMPLES = 240  # of a series: the newest
BANDS = ("Critico", "Condenatorio", "Marginal")  # the worst first
NAME = ("sampleNumber", "sampleOccurrence", "laboratory")
REPORTS = f"""
    select
        {", ".join(NAME)}, sampleDate, machineHours, componentHours, oilMeter, oilChanged, filterChanged,
        machineModel, componentNameNormalized
    from classified_reports
    where unitId = {{unit}} and componentName = {{component}}
    order by {OLDEST_FIRST}
"""
NUMBERS = f"""
    select
        {", ".join(NAME)}, essay, unit, value, status, decides, {", ".join(THRESHOLDS)},
        case when censoring is not null then text end as text
    from {RESULTS.name}
    where unitId = {{unit}} and componentName = {{component}} and rejection is null and value is not null
"""
VALUES = f"""
    select
        client, unitId as unit_id, componentName as component, sampleDate as sample_date, laboratory,
        sampleNumber as sample_number, essay, value, text, unit, status, limit_value, decides
    from {RESULTS.name}
    where unitId = {{unit}} and {{component}} in ('', componentName) and rejection is null
    order by component, sample_date, sample_number, laboratory, sampleOccurrence, essay
"""
_name: Callable[[Mapping[str, Any]], tuple[str, ...]] = itemgetter(*NAME)


@dataclass(frozen=True)
class Point:
    """A value of an essay. `band` is the limit that it breaks, or empty. `sample` is its place among the samples.

    `text` is what the laboratory wrote of a value out of the method's range, such as `<0,05`. It is empty for others.
    `value` is then what gold calculates with: zero below the range, the bound above it.
    """

    day: date
    value: float
    band: str
    text: str = ""
    sample: int = 0


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
class ComponentSeries:
    """Series of a component, those in alarm first. `samples` are its newest ones, after `dropped` older ones.

    `model` and `family` name the limits' group that its last sample is of: the model of its machine, and the component
    without its side.
    """

    series: tuple[EssaySeries, ...]
    samples: tuple[Taken, ...] = ()
    events: tuple[Event, ...] = ()
    dropped: int = 0
    model: str = ""
    family: str = ""


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

    Raises:
        PublishedEarlier: an earlier release published the client, without results.
    """
    named = {"unit": literal(unit), "component": literal(component)}
    reports = _up_to(rows(settings, REPORTS.format(**named), [client], published), until)
    known = reports[-MOST_SAMPLES:]
    if not known:
        return ComponentSeries(())
    results: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {_name(row): {} for row in known}
    for row in rows(settings, NUMBERS.format(**named), [client], published, needs=[RESULTS.name]):
        results.get(_name(row), {})[row["essay"]] = row
    series = [_series(essay, known, results) for essay in sorted(results[_name(known[-1])], key=place_of)]
    return ComponentSeries(
        tuple(sorted(series, key=_place)),
        *taken_of(known),
        len(reports) - len(known),
        known[-1]["machineModel"] or "",
        known[-1]["componentNameNormalized"] or "",
    )


def values_over_time(
    settings: Settings, client: str, unit: str, component: str, published: Objects | None = None
) -> list[dict[str, Any]]:
    """Return all values of a component by time, as they are published. An empty component is all of the machine's."""
    named = {"unit": literal(unit), "component": literal(component)}
    return rows(settings, VALUES.format(**named), [client], published, needs=[RESULTS.name])


def _up_to(reports: Sequence[dict[str, Any]], until: Mapping[str, Any] | None) -> Sequence[dict[str, Any]]:
    if until is None:
        return reports
    last = next((at for at, row in enumerate(reports) if _name(row) == _name(until)), -1)
    return reports[: last + 1]


def _place(series: EssaySeries) -> tuple[bool, bool, int]:
    """Put essays in alarm first, those that decide before the others, and the worst band of them."""
    return (not series.band, not series.decides, BANDS.index(series.band) if series.band else 0)


def _series(
    essay: str,
    reports: Sequence[Mapping[str, Any]],
    results: Mapping[tuple[str, ...], Mapping[str, Mapping[str, Any]]],
) -> EssaySeries:
    """Return the series of an essay that the last report has. Values in another unit than its own are left out."""
    last = results[_name(reports[-1])][essay]
    found = ((at, row["sampleDate"], results[_name(row)].get(essay)) for at, row in enumerate(reports))
    points = tuple(_point(at, day, one) for at, day, one in found if one is not None and one["unit"] == last["unit"])
    return EssaySeries(essay, last["unit"], points, {name: last[name] for name in THRESHOLDS}, last["decides"])


def _point(sample: int, day: date, result: Mapping[str, Any]) -> Point:
    band = result["status"] if result["status"] in BANDS else ""
    return Point(day, result["value"], band, result["text"] or "", sample)
