"""Plan when each compartment is sampled, with the hours of its oil and component."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from tribolake.oil.synth.fleet import Fleet
from tribolake.oil.synth.tables import BoolArray, DayArray, FloatArray, IntArray, TextArray

USUAL_SPELLING_SHARE = 0.95


@dataclass(frozen=True)
class Schedule:
    """One entry per sample, ordered by compartment, then date. Hours are machine hours.

    `compartment` and `unit` index into the fleet. `first` marks the first sample of a compartment.
    `oil_changed` marks samples at which the oil was changed, so the next sample is of new oil.
    `oil_hours` are the declared hours. `initial_oil_hours` are the hours at the first sample.
    """

    compartment: IntArray
    unit: IntArray
    family: TextArray
    name: TextArray
    day: DayArray
    first: BoolArray
    machine_hours: FloatArray
    component_hours: FloatArray
    oil_hours: FloatArray
    initial_oil_hours: FloatArray
    oil_changed: BoolArray

    def __len__(self) -> int:
        return len(self.compartment)

    def hours_since(self, changed: BoolArray) -> FloatArray:
        """Compute hours on oil at each sample if the oil was changed exactly at the `changed` samples."""
        position = np.arange(len(self))
        renewed = np.concatenate([[False], changed[:-1]]) & ~self.first
        previous = np.roll(self.machine_hours, 1)
        start = np.where(self.first, self.machine_hours - self.initial_oil_hours, previous)
        last = np.maximum.accumulate(np.where(renewed | self.first, position, 0))
        return self.machine_hours - start[last]


def sampling_days(months: int, end: date) -> tuple[np.datetime64, int]:
    """Return first day and number of days, for `months` calendar months that end with that of `end`."""
    last = np.datetime64(end, "D")
    start = (last.astype("datetime64[M]") - np.timedelta64(months - 1, "M")).astype("datetime64[D]")
    return start, int((last - start).astype(int)) + 1


def sampling_schedule(fleet: Fleet, months: int, end: date, rng: np.random.Generator) -> Schedule:
    """Plan all samples of the fleet at regular intervals of operating hours, with a jitter."""
    start, days = sampling_days(months, end)
    places = fleet.compartments
    rate = np.array([fleet.units[p.unit].hours_per_day for p in places])
    interval = np.array([p.interval_hours for p in places])
    per_drain = np.array([p.samples_per_drain for p in places])
    gap = interval / rate
    count = np.ceil(days / gap).astype(int) + 1

    series = np.repeat(np.arange(len(places)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    jitter = rng.uniform(-0.3, 0.3, len(series))
    phase = rng.uniform(0, 1, len(places))
    day = np.floor((step + phase[series] + jitter) * gap[series])
    drain_step = step + rng.integers(0, 1_000_000, len(places))[series]
    kept = (day >= 0) & (day < days)
    series, day, drain_step = series[kept], day[kept], drain_step[kept]

    unit = np.array([p.unit for p in places])[series]
    first = np.concatenate([[True], series[1:] != series[:-1]])[: len(series)]
    meter = np.array([u.meter for u in fleet.units])
    machine_hours = np.rint(meter[unit] + day * rate[series])
    life = np.array([p.life_hours for p in places])
    worn = rng.uniform(0, 1, len(places)) * life
    in_drain = drain_step % per_drain[series]
    schedule = Schedule(
        compartment=series,
        unit=unit,
        family=np.array([p.family for p in places], dtype=object)[series],
        name=_spellings(fleet, series, rng),
        day=start + day.astype(int),
        first=first,
        machine_hours=machine_hours,
        component_hours=np.rint((worn[series] + machine_hours - meter[unit]) % life[series]),
        oil_hours=np.zeros(len(series)),
        initial_oil_hours=np.rint((in_drain + rng.uniform(0.7, 1.1, len(series))) * interval[series]),
        oil_changed=in_drain == per_drain[series] - 1,
    )
    schedule.oil_hours[:] = schedule.hours_since(schedule.oil_changed)
    return schedule


def _spellings(fleet: Fleet, series: IntArray, rng: np.random.Generator) -> TextArray:
    """Choose the compartment name on each label: mostly the usual spelling of the unit, sometimes another."""
    usual = rng.uniform(size=len(series)) < USUAL_SPELLING_SHARE
    other = rng.integers(0, 1_000, len(series))
    choices = [fleet.compartments[s].names for s in series]
    return np.array([c[0] if u else c[o % len(c)] for c, u, o in zip(choices, usual, other, strict=True)], dtype=object)
