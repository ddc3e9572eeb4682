"""Test laws of axes: each sample stands where its hours say, and what has none is said."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.questions.axis import AxisKind, axis_of
from tribolake.oil.questions.meters import Reading
from tribolake.oil.questions.series import ComponentSeries, EssaySeries, Point
from tribolake.oil.questions.sisters import Part
from tribolake.oil.questions.taken import Event, Taken
from tribolake.web.views.charts import charts_of
from tribolake.web.words import words_in

ENGLISH = words_in("en")
FIRST = date(2020, 1, 1)
COUNT = re.compile(r"not drawn[^:]*: (\d+)", re.IGNORECASE)


@st.composite
def samples_over_time(draw: st.DrawFn) -> list[Taken]:
    """Samples of which some have no hours, some contradicting ones, over several meters and fills."""
    found, hours, meter, oil, fill = [], 1000.0, 0, 0.0, 0
    for place in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["", "", "", "none", "wrong", "new meter", "oil"]))
        hours, oil = hours + draw(st.integers(0, 400)), oil + draw(st.integers(0, 400))
        if kind == "new meter":
            hours, meter = float(draw(st.integers(0, 400))), meter + 1
        if kind == "oil":
            oil, fill = float(draw(st.integers(0, 300))), fill + 1
        reading = None if kind in ("none", "wrong") else Reading(hours, meter)
        oil_hours = None if kind == "none" else oil
        found.append(Taken(FIRST + timedelta(days=20 * place), reading, kind == "wrong", oil_hours, fill))
    return found


def series_of(samples: list[Taken]) -> ComponentSeries:
    points = tuple(Point(one.day, float(place), "", "", place) for place, one in enumerate(samples))
    events = tuple(Event(one.day, "oil", place) for place, one in enumerate(samples))
    return ComponentSeries((EssaySeries("Hierro", "ppm", points, {}, decides=True),), tuple(samples), events)


@given(samples_over_time())
def test_sample_stands_where_its_meter_says(samples: list[Taken]):
    axis = axis_of("machine", samples, range(len(samples)))
    known = [place for place, one in enumerate(samples) if one.machine]
    assert (axis is None) == (not known)
    if axis is None:
        return
    places = [axis.places[place] for place in known]
    assert places == sorted(places)
    assert [place is None for place in axis.places] == [one.machine is None for one in samples]
    for earlier, later in pairwise(known):
        one, other = samples[earlier].machine, samples[later].machine
        apart = other.hours - one.hours if one.meter == other.meter else 0
        assert axis.places[later] - axis.places[earlier] == pytest.approx(apart)
    assert axis.first <= min(places) <= max(places) <= axis.last


@given(samples_over_time())
def test_sample_stands_at_the_hours_of_its_oil(samples: list[Taken]):
    axis = axis_of("oil", samples, range(len(samples)))
    if axis is not None:
        assert list(axis.places) == [one.oil_hours for one in samples]
        assert list(axis.lines) == [one.fill for one in samples]


@given(samples_over_time(), st.sampled_from(get_args(AxisKind)))
def test_each_sample_is_drawn_or_said_to_be_left_out(samples: list[Taken], kind: AxisKind):
    charts = charts_of(series_of(samples), ENGLISH, kind)
    assert charts is not None
    plot = charts.shown[0].plot
    drawn = (plot.dots + plot.past_dots).count("h0") if plot else 0
    said = [int(found[1]) for note in charts.notes if (found := COUNT.match(note) or COUNT.search(note))]
    assert drawn + sum(said) == len(samples), charts.notes


@given(samples_over_time())
def test_line_joins_values_of_one_fill_only(samples: list[Taken]):
    charts = charts_of(series_of(samples), ENGLISH, "oil")
    assert charts is not None
    plot = charts.shown[0].plot
    if plot is None:
        return
    fills = [one.fill for one in samples if one.oil_hours is not None]
    joined = sum(count - 1 for count in map(fills.count, set(fills)))
    assert (plot.line + plot.past).count("L") == joined
    assert plot.dots.count("h0") == fills.count(fills[-1])
    assert len(plot.events) <= fills.count(fills[-1]), "a change of an earlier fill has no place"


def test_median_of_sisters_stands_where_each_meter_showed_its_hours():
    """Two meters: the hours 100 to 200 were on both, and 1000 to 1100 on the first one alone."""
    hours = [(900.0, 0), (1100.0, 0), (0.0, 1), (150.0, 1)]
    samples = [Taken(FIRST + timedelta(days=30 * at), Reading(*one)) for at, one in enumerate(hours)]
    axis = axis_of("machine", samples, range(4))
    assert axis is not None
    assert axis.spans(1000, 1100) == [(1000, 1100)]
    assert axis.spans(100, 200) == [(1200, 1250)]
    assert axis.spans(800, 1000) == [(900, 1000)]
    assert axis.spans(5000, 6000) == []


def test_sisters_of_another_unit_are_not_behind_values():
    samples = [Taken(FIRST), Taken(FIRST + timedelta(days=40))]
    day = samples[-1].day.toordinal()
    for unit, is_shown in (("ppm", True), ("%", False)):
        charts = charts_of(series_of(samples), ENGLISH, "date", [Part("Hierro", unit, day - 15, day + 15, 7.0, 5)])
        assert charts is not None
        assert charts.shown[0].sisters == ("sisters: 7 (median of 5 machines)" if is_shown else "")
        assert bool(charts.shown[0].plot.typical) == is_shown
