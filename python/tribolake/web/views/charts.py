"""Charts of a component: its essays on one axis, those in alarm first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tribolake.oil.questions.axis import Axis, AxisKind, axis_of
from tribolake.oil.questions.series import ComponentSeries, EssaySeries, Point
from tribolake.oil.questions.sisters import Part, hours_of_part, period_of_part
from tribolake.oil.questions.taken import Event
from tribolake.web.views.axis import left_out, texts_at
from tribolake.web.views.meter import LOWER, SLUGS, UPPER
from tribolake.web.views.parts import BANDS
from tribolake.web.views.plot import Limit, Mark, Plot, Text, Typical, Value, plot_of
from tribolake.web.words import Words

SHOWN_CHARTS = 6  # more are folded, unless they are in alarm
MOST_CHARTS = 40


@dataclass(frozen=True)
class Chart:
    """A chart of an essay: what stands above it, and what it says to those who do not see it.

    `plot` is None if no value has a place on the axis. `sisters` is what other machines show there.
    """

    essay: str
    value: str
    unit: str
    slug: str
    note: str
    sisters: str
    label: str
    description: str
    plot: Plot | None
    values: tuple[Text, ...]


@dataclass(frozen=True)
class Charts:
    """Charts of a component. `bands` and `events` are those that they show, for a legend.

    `others` are less urgent. Where they are left out, `others_href` leads to a page that has them.
    `notes` say what is not shown.
    """

    shown: tuple[Chart, ...]
    others: tuple[Chart, ...]
    others_label: str
    others_href: str | None
    note: str
    notes: tuple[str, ...]
    bands: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]
    has_censored: bool
    has_past: bool
    has_sisters: bool
    sisters: str


EVENTS = {"oil": "chart.oil", "filter": "chart.filter", "component": "chart.component", "meter": "chart.meter"}


def used_samples(found: ComponentSeries) -> list[int]:
    """Return the places of samples that have a value."""
    return sorted({point.sample for series in found.series for point in series.points})


def axis_of_series(found: ComponentSeries, kind: AxisKind) -> Axis | None:
    """Return the axis of a component's charts. Returns None if no sample has a place on it."""
    return axis_of(kind, found.samples, used_samples(found))


def urgent_series(found: ComponentSeries) -> tuple[EssaySeries, ...]:
    """Return the series whose charts come first: those in alarm, and a few more."""
    listed = found.series[:MOST_CHARTS]
    return listed[: max(SHOWN_CHARTS, sum(bool(series.band) for series in listed))]


def charts_of(
    found: ComponentSeries,
    words: Words,
    kind: AxisKind = "date",
    sisters: Sequence[Part] | None = None,
    others_href: str | None = None,
) -> Charts | None:
    """Return the charts of a component. Returns None if it has no values.

    Drawing them all is most of the work of a page, and few readers look at more than the first ones.

    Args:
        found: the series of its essays, the most urgent first.
        words: the language.
        kind: what the axis counts.
        sisters: medians of other machines. None means that nobody asked for them.
        others_href: where the less urgent charts are. Without it they are here.
    """
    if not found.series:
        return None
    axis = axis_of_series(found, kind)
    medians = _by_essay(sisters or ())
    listed, urgent = found.series[:MOST_CHARTS], urgent_series(found)
    charts = [
        _chart(series, found, axis, medians.get((series.essay, series.unit), ()), words)
        for series in (urgent if others_href else listed)
    ]
    others = len(listed) - len(urgent)
    plots = [chart.plot for chart in charts if chart.plot]
    limits = {slug for plot in plots for line in plot.limits for slug in line.slug.split()}
    kinds = {line.slug for plot in plots for line in plot.events}
    return Charts(
        tuple(charts[: len(urgent)]),
        tuple(charts[len(urgent) :]),
        words("chart.others", n=words.number(others)) if others else "",
        others_href,
        _note(found, words),
        (*_about_axis(kind, words), *left_out(axis, kind, found.samples, used_samples(found), words)),
        tuple((slug, words(f"band.{band}")) for band, slug in BANDS.items() if slug in limits),
        tuple((kind, words(text)) for kind, text in EVENTS.items() if kind in kinds),
        any(point.text for series in found.series for point in series.points),
        any(plot.past_dots or plot.past for plot in plots),
        bool(sisters),
        "" if sisters is None else _about_sisters(found, axis, sisters, words),
    )


def _note(found: ComponentSeries, words: Words) -> str:
    count, dropped = len(found.samples), found.dropped
    if dropped:
        return words("chart.newest", n=words.number(count), all=words.number(count + dropped))
    days = [found.samples[at].day for at in used_samples(found)]
    return words("chart.samples", n=words.number(count), first=words.day(min(days)), last=words.day(max(days)))


def _about_axis(kind: AxisKind, words: Words) -> tuple[str, ...]:
    return () if kind == "date" else (words(f"axis.by_{kind}"),)


def _about_sisters(found: ComponentSeries, axis: Axis | None, sisters: Sequence[Part], words: Words) -> str:
    named = {"model": found.model.upper() or "?", "family": words.family(found.family)}
    if axis is None or not sisters:
        return words("chart.no_sisters", **named)
    most = words.number(max(part.machines for part in sisters))
    part = (
        words(f"chart.per_{period_of_part(axis)}")
        if axis.kind == "date"
        else words("chart.per_hours", n=words.number(hours_of_part(axis)))
    )
    return words("chart.sisters", n=most, part=part, **named)


def _by_essay(parts: Sequence[Part]) -> dict[tuple[str, str | None], list[Part]]:
    found: dict[tuple[str, str | None], list[Part]] = {}
    for part in parts:
        found.setdefault((part.essay, part.unit), []).append(part)
    return found


def _chart(
    series: EssaySeries, found: ComponentSeries, axis: Axis | None, sisters: Sequence[Part], words: Words
) -> Chart:
    unit = words.unit(series.unit)
    limits = _limits(series)
    plot = _plot(series, limits, found.events, axis, sisters, words) if axis else None
    newest = series.points[-1]
    drawn = sum(axis.places[point.sample] is not None for point in series.points) if axis else 0
    name = words.essay(series.essay)
    bounds = words("chart.limits", limits=" / ".join(words.number(limit.value) for limit in limits)) if limits else ""
    smallest, largest = min(one.value for one in series.points), max(one.value for one in series.points)
    beside = _beside(newest, found, axis, sisters)
    typical = ""
    if beside:
        typical = words("chart.sister", value=words.number(beside.value), n=words.number(beside.machines))
    description = words("chart.description", low=words.number(smallest), high=words.number(largest), limits=bounds)
    return Chart(
        name,
        words.number(newest.text or newest.value),
        unit,
        BANDS.get(newest.band, ""),
        "" if series.decides or not newest.band else words("report.not_deciding"),
        typical,
        words("chart.label", essay=name, n=drawn, last=_said(newest, unit, words)),
        f"{description.strip()} {typical}".strip(),
        plot,
        tuple(Text(label.at, words.number(label.value)) for label in plot.values) if plot else (),
    )


def _plot(
    series: EssaySeries,
    limits: Sequence[Limit],
    events: Sequence[Event],
    axis: Axis,
    sisters: Sequence[Part],
    words: Words,
) -> Plot | None:
    """Return the picture of a series. Returns None if none of its values has a place."""
    unit = words.unit(series.unit)
    values = [
        Value(at, one.value, bool(one.text), BANDS.get(one.band, ""), _said(one, unit, words), axis.lines[one.sample])
        for one in series.points
        if (at := axis.places[one.sample]) is not None
    ]
    if not values:
        return None
    marks = [Mark(at, event.kind) for event in events if (at := _mark_at(event, axis)) is not None]
    typical = [Typical(first, last, one.value) for one in sisters for first, last in axis.spans(one.low, one.high)]
    return plot_of(values, limits, marks, axis.first, axis.last, texts_at(axis, words), typical)


def _mark_at(event: Event, axis: Axis) -> float | None:
    """Return the place of an event. On an axis of the hours of oil only those of the last fill have one."""
    is_of_line = axis.lines[event.sample] == axis.line
    at = axis.places[event.sample]
    if axis.kind == "date":
        at = float(event.day.toordinal())
    return at if is_of_line else None


def _beside(newest: Point, found: ComponentSeries, axis: Axis | None, sisters: Sequence[Part]) -> Part | None:
    """Return what other machines show where the newest value stands."""
    if axis is None or axis.places[newest.sample] is None:
        return None
    taken = found.samples[newest.sample]
    readings = {
        "date": float(taken.day.toordinal()),
        "machine": taken.machine.hours if taken.machine else None,
        "oil": taken.oil_hours,
    }
    reading = readings[axis.kind]
    return next((one for one in sisters if reading is not None and one.low <= reading < one.high), None)


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
