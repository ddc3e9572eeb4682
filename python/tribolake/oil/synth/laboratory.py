"""Simulate all samples of a client in the laboratory, independent of file layouts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from tribolake.oil.synth.chemistry import lab_values, strength_of
from tribolake.oil.synth.episodes import Episode, plan_episodes
from tribolake.oil.synth.fleet import Fleet, build_fleet
from tribolake.oil.synth.particles import particle_counts
from tribolake.oil.synth.schedule import Schedule, sampling_schedule
from tribolake.oil.synth.tables import BoolArray, DayArray, FloatArray, TextArray

CLIENTS = ("cda", "emin")
STAGES = ("fleet", "schedule", "episodes", "chemistry", "particles", "reception", "layout", "dirt")
PARTICLE_EPISODES = ("wear", "dust")
MEDIAN_TURNAROUND_DAYS = 8.0

TRUTH = ("client", "sample_number", "unit", "component", "sample_date", "episode_kind", "episode_id")
TRUTH_SCHEMA = pa.schema([(name, pa.date32() if name == "sample_date" else pa.string()) for name in TRUTH])


@dataclass(frozen=True)
class ClientSamples:
    """Arrays have one entry per sample. `values` and `counts` are by essay symbol, NaN if not measured."""

    client: str
    seed: int
    fleet: Fleet
    schedule: Schedule
    episodes: list[Episode]
    values: dict[str, FloatArray]
    counts: dict[str, FloatArray]
    sample_number: TextArray
    report_day: DayArray

    def rng(self, stage: str) -> np.random.Generator:
        """Return the random stream of one stage. A change in one stage does not affect others."""
        return stream(self.seed, self.client, stage)

    def is_clean(self) -> BoolArray:
        """Find samples without an episode. Only these may get dirty cells, so that the truth stays readable."""
        clean = np.ones(len(self.schedule), dtype=bool)
        for episode in self.episodes:
            clean[episode.rows] = False
        return clean

    def truth(self) -> pa.Table:
        """Return one row per affected sample, with unit and component as written in the file."""
        affected = [(episode, row) for episode in self.episodes for row in episode.rows]
        rows = np.array([row for _, row in affected], dtype=int)
        columns = (
            [self.client] * len(rows),
            self.sample_number[rows],
            [self.fleet.units[unit].tag for unit in self.schedule.unit[rows]],
            self.schedule.name[rows],
            self.schedule.day[rows],
            [episode.kind for episode, _ in affected],
            [episode.id for episode, _ in affected],
        )
        return pa.table(dict(zip(TRUTH, columns, strict=True)), schema=TRUTH_SCHEMA)


def stream(seed: int, client: str, stage: str) -> np.random.Generator:
    """Return an independent random stream for (seed, client, stage)."""
    return np.random.default_rng([seed, CLIENTS.index(client), STAGES.index(stage)])


def sample_client(client: str, size: int, months: int, end: date, seed: int) -> ClientSamples:
    """Simulate fleet, schedule, episodes and laboratory values of one client."""
    fleet = build_fleet(client, size, stream(seed, client, "fleet"))
    schedule = sampling_schedule(fleet, months, end, stream(seed, client, "schedule"))
    episodes = plan_episodes(client, schedule, stream(seed, client, "episodes"))
    values = lab_values(fleet, schedule, episodes, stream(seed, client, "chemistry"))
    dirt = strength_of(PARTICLE_EPISODES, episodes, len(schedule))
    counts = particle_counts(schedule, dirt, stream(seed, client, "particles"))
    reception = stream(seed, client, "reception")
    turnaround = np.rint(reception.lognormal(np.log(MEDIAN_TURNAROUND_DAYS), 0.4, len(schedule)))
    report_day = schedule.day + np.clip(turnaround, 1, 45).astype(int)
    number = _finning_numbers(report_day) if client == "cda" else _als_numbers(schedule.day, reception)
    return ClientSamples(client, seed, fleet, schedule, episodes, values, counts, number, report_day)


def _rank_within(groups: DayArray) -> np.ndarray:
    """Number entries 1, 2, 3... within each group, in order of appearance."""
    order = np.argsort(groups, kind="stable")
    rank = np.empty(len(groups), dtype=int)
    rank[order] = np.arange(len(groups)) - np.searchsorted(groups[order], groups[order]) + 1
    return rank


def _finning_numbers(report_day: DayArray) -> TextArray:
    """Make control numbers such as `Z310-26014-0007`: laboratory, year and day of year, order of the day."""
    numbered = zip(report_day.tolist(), _rank_within(report_day), strict=True)
    return np.array([f"Z310-{day:%y%j}-{number:04d}" for day, number in numbered], dtype=object)


def _als_numbers(day: DayArray, rng: np.random.Generator) -> TextArray:
    """Make numbers of ten digits: year, month, order in the month. Resubmitted forms have a letter in front."""
    letters = rng.choice(["", "N", "X"], len(day), p=[0.98, 0.015, 0.005])
    numbered = zip(letters, day.tolist(), _rank_within(day.astype("datetime64[M]")), strict=True)
    return np.array([f"{letter}{sampled:%y%m}{number:06d}" for letter, sampled, number in numbered], dtype=object)
