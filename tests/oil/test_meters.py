"""Test laws of meters: what one showed after the other is kept, and what no meter can show is left out."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.questions.meters import HOURS_A_DAY, SLACK_DAYS, agreeing
from tribolake.oil.questions.taken import taken_of

FIRST = date(2020, 1, 1)
DAYS = 20  # between samples
steps = st.lists(st.integers(0, HOURS_A_DAY * DAYS), min_size=4, max_size=12)
meters = st.lists(steps, min_size=1, max_size=3)


def days_of(count: int) -> list[date]:
    return [FIRST + timedelta(days=DAYS * place) for place in range(count)]


def shown_by(first: int, steps_of_meters: list[list[int]]) -> list[tuple[float, int]]:
    """Readings and the number of their meter. The first meter begins at `first`, and others at zero."""
    found = []
    for meter, of_meter in enumerate(steps_of_meters):
        hours = first if meter == 0 else 0
        for step in of_meter:
            hours += step
            found.append((float(hours), meter))
    return found


@given(st.integers(50_000, 90_000), meters)
def test_readings_of_meters_one_after_another_are_kept(first: int, steps_of_meters: list[list[int]]):
    shown = shown_by(first, steps_of_meters[:2])  # the second one begins below each reading of the first
    found = agreeing(days_of(len(shown)), [hours for hours, _ in shown])
    assert [(one.hours, one.meter) for one in found if one] == shown


@given(st.integers(50_000, 90_000), steps, st.data())
def test_reading_that_no_meter_can_show_is_left_out(first: int, of_meter: list[int], data: st.DataObject):
    readings = [hours for hours, _ in shown_by(first, [of_meter])]
    place = data.draw(st.integers(1, len(readings) - 1))
    wrong = data.draw(st.sampled_from([0.0, 22_046.0, readings[place] * 10, readings[place] + 50_000]))
    mixed = [*readings[:place], wrong, *readings[place:]]
    found = agreeing(days_of(len(mixed)), mixed)
    assert [one and one.hours for one in found] == [*readings[:place], None, *readings[place:]]


@given(st.lists(st.one_of(st.none(), st.floats(0, 200_000)), max_size=30))
def test_meter_never_goes_back_or_faster_than_time(readings: list[float | None]):
    days = days_of(len(readings))
    found = agreeing(days, readings)
    assert all(one is None or one.hours == reading for one, reading in zip(found, readings, strict=True))
    kept = [(day, one) for day, one in zip(days, found, strict=True) if one]
    assert bool(kept) == any(reading is not None for reading in readings)
    for (day, one), (later, other) in pairwise(kept):
        assert other.meter in (one.meter, one.meter + 1)
        if other.meter == one.meter:
            assert 0 <= other.hours - one.hours <= HOURS_A_DAY * ((later - day).days + SLACK_DAYS)


def report(place: int, **fields: object) -> dict[str, object]:
    empty = dict.fromkeys(("machineHours", "componentHours", "oilMeter", "oilChanged", "filterChanged"))
    return empty | {"sampleDate": FIRST + timedelta(days=DAYS * place)} | fields


def test_oil_that_was_changed_begins_one_fill_however_that_is_said():
    """A laboratory says so at the sample before, another one only by hours that begin again."""
    said = [report(0, oilMeter=300.0), report(1, oilMeter=700.0, oilChanged="Y"), report(2, oilMeter=250.0)]
    shown = [report(0, oilMeter=300.0), report(1, oilMeter=700.0), report(2, oilMeter=250.0)]
    longer = [report(0, oilMeter=100.0, oilChanged="Y"), report(1, oilMeter=300.0), report(2)]
    for reports, fills, changes in ((said, [0, 0, 1], [1]), (shown, [0, 0, 1], [2]), (longer, [0, 1, 1], [0])):
        samples, events = taken_of(reports)
        assert [sample.fill for sample in samples] == fills
        assert [event.sample for event in events if event.kind == "oil"] == changes


def test_reading_of_another_meter_is_no_new_component():
    hours = [93_000.0, 93_400.0, 22_046.0, 93_900.0, 12.0]
    samples, events = taken_of([report(place, machineHours=one, componentHours=one) for place, one in enumerate(hours)])
    assert [(event.kind, event.sample) for event in events] == [("component", 4), ("meter", 4)]
    assert [sample.contradicts for sample in samples] == [False, False, True, False, False]
