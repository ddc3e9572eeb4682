"""Plan injected failures and mistakes of known truth, and the samples that they affect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tribolake.oil.synth.schedule import Schedule
from tribolake.oil.synth.tables import BoolArray, FloatArray, IntArray

GEARED = ("transmision", "convertidor", "diferencial", "mando_final", "rueda")
HYDRAULIC = ("hidraulico", "direccion")
PAIRING_DAYS = 12


@dataclass(frozen=True)
class EpisodeKind:
    """A kind of episode: frequency per 1000 oil samples, component families, number of successive samples."""

    name: str
    families: tuple[str, ...]
    per_thousand: float
    samples: tuple[int, int]


KINDS = (
    EpisodeKind("wear", ("motor", *GEARED, *HYDRAULIC), 7.0, (3, 6)),
    EpisodeKind("dust", ("motor", "mando_final", "rueda", "hidraulico"), 3.5, (2, 4)),
    EpisodeKind("water", (*GEARED, *HYDRAULIC), 7.0, (1, 3)),
    EpisodeKind("fuel", ("motor",), 2.0, (1, 3)),
    EpisodeKind("coolant", ("motor",), 2.0, (2, 3)),
    EpisodeKind("swapped_samples", ("motor",), 2.5, (1, 1)),
    EpisodeKind("undeclared_oil_change", GEARED + HYDRAULIC, 2.5, (1, 1)),
)


@dataclass(frozen=True)
class Episode:
    """One injected event. `rows` are positions in the schedule, in date order. `strength` (0..1) is per row.

    For `swapped_samples`, `rows` are the two samples exchanged. For `undeclared_oil_change` they are the
    samples from the change until the next declared one, whose oil meter is therefore false.
    """

    id: str
    kind: str
    rows: IntArray
    strength: FloatArray


def plan_episodes(client: str, schedule: Schedule, rng: np.random.Generator) -> list[Episode]:
    """Plan episodes without overlap. Each kind happens at least once if the fleet is large enough."""
    oil_samples = int((schedule.family != "refrigerante").sum())
    free = schedule.family != "refrigerante"
    planned: list[Episode] = []
    for kind in KINDS:
        wanted = max(1, round(kind.per_thousand * oil_samples / 1000))
        candidates = np.flatnonzero(np.isin(schedule.family, kind.families) & free)
        made = 0
        for start in rng.permutation(candidates):
            if made == wanted:
                break
            rows = _rows_of(kind, int(start), schedule, free, rng)
            if rows is None:
                continue
            made += 1
            free[rows] = False
            name = f"{client}-{kind.name}-{made:04d}"
            planned.append(Episode(name, kind.name, rows, _strength(kind, rows, rng)))
    return planned


def _rows_of(
    kind: EpisodeKind, start: int, schedule: Schedule, free: BoolArray, rng: np.random.Generator
) -> IntArray | None:
    """Return the samples of an episode from `start` on, or None if they are taken or do not fit."""
    if kind.name == "swapped_samples":
        rows = _swap_partners(start, schedule, free, rng)
    elif kind.name == "undeclared_oil_change":
        rows = _rest_of_drain(start, schedule)
    else:
        rows = np.arange(start, start + int(rng.integers(kind.samples[0], kind.samples[1] + 1)))
    fits = rows is not None and rows[-1] < len(schedule) and bool(free[rows].all())
    same_compartment = fits and bool((schedule.compartment[rows] == schedule.compartment[start]).all())
    return rows if same_compartment or (fits and kind.name == "swapped_samples") else None


def _swap_partners(start: int, schedule: Schedule, free: BoolArray, rng: np.random.Generator) -> IntArray | None:
    """Find a sample of another compartment family of the unit, taken at about the same time."""
    near = np.abs((schedule.day - schedule.day[start]).astype(int)) <= PAIRING_DAYS
    other = (schedule.unit == schedule.unit[start]) & (schedule.family != schedule.family[start])
    partners = np.flatnonzero(near & other & free)
    return np.array([start, int(rng.choice(partners))]) if len(partners) else None


def _rest_of_drain(start: int, schedule: Schedule) -> IntArray | None:
    """Return samples from `start` to the next declared change, if the oil was old enough for a visible effect."""
    same = schedule.compartment == schedule.compartment[start]
    ends = np.flatnonzero(same & schedule.oil_changed)
    ends = ends[ends >= start]
    renewed_at_start = schedule.first[start] or schedule.oil_changed[start - 1]
    if renewed_at_start or not len(ends):
        return None
    since_last = schedule.machine_hours[start] - schedule.machine_hours[start - 1]
    return np.arange(start, ends[0] + 1) if schedule.oil_hours[start - 1] >= since_last else None


def _strength(kind: EpisodeKind, rows: IntArray, rng: np.random.Generator) -> FloatArray:
    if kind.name in ("swapped_samples", "undeclared_oil_change"):
        return np.ones(len(rows))
    peak = rng.uniform(0.6, 1.0)
    onset = 0.45 if kind.name in ("water", "fuel") else 0.2
    return np.linspace(onset if len(rows) > 1 else 1.0, 1.0, len(rows)) * peak


def true_oil_hours(schedule: Schedule, episodes: list[Episode]) -> FloatArray:
    """Compute true oil hours: as declared, but restarted by undeclared changes."""
    changed = schedule.oil_changed.copy()
    for episode in episodes:
        if episode.kind == "undeclared_oil_change":
            changed[episode.rows[0] - 1] = True
    return schedule.hours_since(changed)
