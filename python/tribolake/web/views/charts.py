"""Charts of a component: its essays on one axis of days, those in alarm first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tribolake.oil.questions.series import ComponentSeries, EssaySeries, Event, Point
from tribolake.web.views.meter import LOWER, SLUGS, UPPER
from tribolake.web.views.parts import BANDS
from tribolake.web.views.plot import Limit, Mark, Plot, Value, plot_of
from tribolake.web.words import Words

SHOWN_CHARTS = 6  # more are folded, unless they are in alarm
MOST_CHARTS = 40
SHORTEST_DAYS = 30  # of the axis


@dataclass(frozen=True)
class DayLabel:
    """A text below the axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart of an essay: what stands above it, and what it says to those who do not see it."""

    essay: str
    value: str
    unit: str
    slug: str
    note: str
    label: str
    description: str
    plot: Plot
    values: tuple[DayLabel, ...]
    days: tuple[DayLabel, ...]


@dataclass(frozen=True)
class Charts:
    """Charts of a component. `kinds` are the bands and events that they show, for a legend."""

    shown: tuple[Chart, ...]
    folded: tuple[Chart, ...]
    folded_label: str
    note: str
    bands: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]
    has_censored: bool


def charts_of(found: ComponentSeries, words: Words) -> Charts | None:
    """Return the charts of a component. Returns None if it has no values."""
    if not found.series:
        return None
    days = [point.day for series in found.series for point in series.points]
    first, last = min(days), max(days)
    first = min(first, last - timedelta(days=SHORTEST_DAYS))
    charts = [_chart(series, found.events, first, last, words) for series in found.series[:MOST_CHARTS]]
    in_alarm = sum(bool(series.band) for series in found.series[:MOST_CHARTS])
    shown = max(SHOWN_CHARTS, in_alarm)
    note = words("chart.samples", n=words.number(found.samples), first=words.day(first), last=words.day(last))
    if found.dropped:
        note = words("chart.newest", n=words.number(found.samples - found.dropped), all=words.number(found.samples))
    drawn = {slug for chart in charts for line in chart.plot.limits for slug in line.slug.split()}
    kinds = {event.kind for event in found.events}
    return Charts(
        tuple(charts[:shown]),
        tuple(charts[shown:]),
        words("chart.others", n=words.number(len(charts[shown:]))),
        note,
        tuple((slug, words(f"band.{band}")) for band, slug in BANDS.items() if slug in drawn),
        tuple((kind, words(text)) for kind, text in EVENTS.items() if kind in kinds),
        any(point.text for series in found.series for point in series.points),
    )


EVENTS = {"oil": "chart.oil", "filter": "chart.filter", "component": "chart.component", "meter": "chart.meter"}


def _chart(series: EssaySeries, events: Sequence[Event], first: date, last: date, words: Words) -> Chart:
    unit = words.unit(series.unit)
    values = [Value(one.day, one.value, bool(one.text), BANDS.get(one.band, ""), _said(one, unit, words))
              for one in series.points]  # fmt: skip
    limits = _limits(series)
    plot = plot_of(values, limits, [Mark(event.day, event.kind) for event in events], first, last)
    newest = series.points[-1]
    name = words.essay(series.essay)
    bounds = words("chart.limits", limits=" / ".join(words.number(limit.value) for limit in limits)) if limits else ""
    smallest, largest = min(one.value for one in series.points), max(one.value for one in series.points)
    return Chart(
        name,
        words.number(newest.text or newest.value),
        unit,
        BANDS.get(newest.band, ""),
        "" if series.decides or not newest.band else words("report.not_deciding"),
        words("chart.label", essay=name, n=len(values), last=_said(newest, unit, words)),
        words("chart.description", low=words.number(smallest), high=words.number(largest), limits=bounds),
        plot,
        tuple(DayLabel(label.at, words.number(label.value)) for label in plot.values),
        tuple(DayLabel(label.at, _day(label.day, first, last, words)) for label in plot.days if label.day),
    )


def _limits(series: EssaySeries) -> list[Limit]:
    upper = [(name, slug, False) for name, slug in zip(UPPER, SLUGS, strict=True)]
    lower = [(name, slug, True) for name, slug in zip(LOWER, SLUGS[::-1], strict=True)]
    known = ((series.limits.get(name), slug, is_lower) for name, slug, is_lower in [*upper, *lower])
    return [Limit(value, slug, is_lower) for value, slug, is_lower in known if value is not None]


def _said(point: Point, unit: str, words: Words) -> str:
    value = f"{words.number(point.text or point.value)} {unit}".strip()
    band = words(f"band.{point.band}") if point.band else ""
    censored = words("chart.censored") if point.text else ""
    return ", ".join(part for part in (f"{words.day(point.day)}: {value}", band, censored) if part)


def _day(day: date, first: date, last: date, words: Words) -> str:
    """Return the name of a day on the axis: a year, or a month where there are few years."""
    return str(day.year) if last.year - first.year >= 2 else words.month(day)
