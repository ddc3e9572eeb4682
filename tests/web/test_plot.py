"""Test laws of charts: every value has its place, and shape says what colour says."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.questions.series import ComponentSeries, EssaySeries, Point
from tribolake.oil.questions.taken import Event, Taken
from tribolake.web.views.charts import MOST_CHARTS, SHOWN_CHARTS, charts_of
from tribolake.web.views.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Course, Limit, Mark, Value, plot_of, ticks
from tribolake.web.words import words_in

SPANISH = words_in("es")
FIRST = date(2020, 1, 1)
LAST = FIRST + timedelta(days=200)
SAMPLES = (Taken(FIRST), Taken(LAST))
NUMBERS = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
values_over_time = st.lists(
    st.tuples(st.integers(0, 2000), st.floats(-1e6, 1e6), st.booleans(), st.sampled_from(["", "critical", "marginal"])),
    min_size=1,
    max_size=15,
).map(lambda found: [Value(day, value, *more) for day, value, *more in sorted(found)])


@given(st.sampled_from([0.0, 5e-324, 1e-9, 7.0, -3.0, 1e6]), st.integers(1, 3))
def test_equal_values_have_a_scale(value: float, count: int):
    plot = plot_of([Value(0, value)] * count, [], [], 0, 0)
    assert len(plot.values) >= 1
    assert plot.dots.count("h0") == count


def test_equal_values_stand_in_the_middle():
    plot = plot_of([Value(0, 7.0), Value(1, 7.0)], [], [], 0, 1)
    assert {y for _, y in points_of(plot.line)} == {(TOP + HEIGHT - BOTTOM) / 2}


def points_of(path: str) -> list[tuple[float, float]]:
    numbers = [float(found) for found in NUMBERS.findall(path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@given(values_over_time, st.lists(st.floats(-1e6, 1e6), max_size=6))
def test_every_value_and_limit_is_within_the_plot(values: list[Value], limits: list[float]):
    last = max(value.at for value in values)
    plot = plot_of(values, [Limit(limit, "critical") for limit in limits], [Mark(last, "oil")], 0, last)
    places = points_of(plot.line) if len(values) > 1 else []
    assert len(places) in (0, len(values))
    for x, y in places:
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1
    assert all(TOP - 0.1 <= line.at <= HEIGHT - BOTTOM + 0.1 for line in plot.limits)
    assert [x for x, _ in places] == sorted(x for x, _ in places)


@given(values_over_time)
def test_higher_value_stands_higher(values: list[Value]):
    plot = plot_of(values, [], [], 0, 2000)
    if len(values) > 1:
        places = points_of(plot.line)
        for one, (_, y) in zip(values, places, strict=True):
            for other, (_, other_y) in zip(values, places, strict=True):
                assert one.value <= other.value or y <= other_y


@given(values_over_time)
def test_each_value_is_drawn_once_hollow_if_it_is_out_of_range(values: list[Value]):
    plot = plot_of(values, [], [], 0, 2000)
    ordinary = sum(not value.is_censored for value in values)
    assert plot.dots.count("h0") == ordinary
    assert plot.hollow.count("z") == sum(value.is_censored and not value.band for value in values)
    signs = [value for place, value in enumerate(values) if value.band or place == len(values) - 1]
    assert ["censored" in sign.slug for sign in plot.signs] == [value.is_censored for value in signs]


def test_shape_says_the_band_of_a_value():
    values = [Value(0, 1.0, band=band) for band in ("critical", "condemning", "marginal")]
    square, triangle, circle = (sign.path for sign in plot_of(values, [], [], 0, 0).signs)
    assert ("v" in square, "l" in triangle, "a" in circle) == (True, True, True)
    assert len({square[-20:], triangle[-20:], circle[-20:]}) == 3


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6))
def test_scale_has_round_numbers_that_stand_apart(low: float, reach: float):
    found = ticks(low, low + reach)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-6 * reach <= tick <= low + 1.000001 * reach for tick in found)
    assert found == sorted(set(found))


def series_of(essay: str, band: str = "") -> EssaySeries:
    points = (Point(FIRST, 1.0, "", "<1"), Point(LAST, 9.0, band, sample=1))
    return EssaySeries(essay, "ppm", points, {"threshold_critic": 8.0, "lower_normal": 0.5}, decides=True)


def test_charts_fold_what_is_not_in_alarm():
    series = tuple(series_of(f"essay {number}", "Critico" if number < 8 else "") for number in range(60))
    charts = charts_of(ComponentSeries(series, SAMPLES, (Event(FIRST, "oil"),)), SPANISH)
    assert charts is not None
    assert [chart.essay for chart in charts.shown] == [f"essay {number}" for number in range(8)]
    assert len(charts.shown) + len(charts.others) == MOST_CHARTS
    assert charts.bands == (("critical", "crítico"), ("marginal", "marginal"))
    assert charts.events == (("oil", "cambio de aceite"),)
    assert charts.has_censored
    quiet = charts_of(ComponentSeries(tuple(map(series_of, "abcdefgh")), SAMPLES), SPANISH)
    assert quiet is not None
    assert len(quiet.shown) == SHOWN_CHARTS


def test_chart_says_in_words_what_it_draws():
    charts = charts_of(ComponentSeries((series_of("Hierro", "Critico"),), SAMPLES), SPANISH)
    assert charts is not None
    assert charts.shown[0].label == "Hierro: 2 muestras; la última, 19 jul 2020: 9 ppm, crítico"
    assert charts.shown[0].description == "Entre 1 y 9. Límites: 8 / 0,5."


def test_component_without_numbers_has_no_charts():
    assert charts_of(ComponentSeries((), (Taken(FIRST),) * 3), SPANISH) is None


@given(values_over_time, st.lists(st.tuples(st.integers(0, 2000), st.floats(-1e6, 1e6)), min_size=2, max_size=9))
def test_courses_share_the_scale_of_the_values(values: list[Value], points: list[tuple[int, float]]):
    """A line behind the values stands where values of the same size stand, and stems reach from zero to theirs."""
    lines = [Course("mean", points), Course("histogram", points, has_stems=True)]
    plot = plot_of([*values, *(Value(*one) for one in points), Value(2000, 0)], [], [], 0, 2000, (), (), lines)
    line, stems = plot.courses
    assert (line.slug, stems.slug) == ("mean", "histogram")
    *_, (_, zero) = at = points_of(plot.line)
    assert points_of(line.path) == at[-len(points) - 1 : -1]
    _, *tips = stems.path.split("M")
    assert [tuple(map(float, (tip.split()[0], tip.split("V")[1]))) for tip in tips] == points_of(line.path)
    assert {float(tip.split()[1].split("V")[0]) for tip in tips} == {zero}


@given(values_over_time, st.integers(100, 300))
def test_plot_without_dots_has_points_that_lead_somewhere(values: list[Value], height: int):
    linked = [replace(value, href=f"/{place}") for place, value in enumerate(values)]
    plot = plot_of(linked, [], [], 0, 2000, has_dots=False, height=height)
    assert plot.dots == "" and [sign.href for sign in plot.signs] == [f"/{place}" for place in range(len(values))]
    assert plot.leads and not plot_of(values, [], [], 0, 2000).leads
    assert all(y <= height - BOTTOM + 0.1 for _, y in points_of(plot.line)) and plot.bottom == height - BOTTOM
