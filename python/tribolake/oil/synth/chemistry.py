"""Compute wear, contaminants, additives and viscosity from hours on oil, grade and episodes."""

from __future__ import annotations

import numpy as np

from tribolake.oil.synth.episodes import Episode, true_oil_hours
from tribolake.oil.synth.fleet import Fleet
from tribolake.oil.synth.schedule import Schedule
from tribolake.oil.synth.tables import FloatArray, IntArray, family_curves, oil, rows

ADDITIVES = ("Ca", "Zn", "P", "Mg", "Mo", "B", "Ba")
BULK = ("V100", "V40", "TBN", "TAN")
VISCOSITY_SHIFT = {"fuel": -0.24, "water": 0.07}
DEPLETION_PER_1000H = {"Zn": 0.03, "P": 0.04, "Ca": 0.02, "Mg": 0.02, "B": 0.12, "TBN": 0.18}
WATER_TRACE_SHARE = 0.02
ENGINE_ESSAYS = ("ST", "OXI", "NIT", "SUL", "fuel", "TBN")


def lab_values(
    fleet: Fleet, schedule: Schedule, episodes: list[Episode], rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Compute one value per sample for each essay symbol, NaN if the essay does not exist for the fluid.

    Units: ppm (elements), cSt (V100, V40), mg KOH/g (TBN, TAN), percent (water, fuel, glycol), index (PQI),
    hundredths of percent of soot (ST), the laboratory's absorbance units (OXI, NIT, SUL).
    """
    hours = np.clip(true_oil_hours(schedule, episodes), 0, None)
    values = _wear(fleet, schedule, hours, rng)
    values |= _oil_product(fleet, schedule, hours, rng)
    is_oil = schedule.family != "refrigerante"
    trace = rng.uniform(size=len(schedule)) < WATER_TRACE_SHARE
    values["water"] = np.where(is_oil, np.where(trace, 0.07, rng.uniform(0, 0.04, len(schedule))), np.nan)
    values["fuel"] = np.where(schedule.family == "motor", rng.uniform(0, 0.04, len(schedule)), np.nan)
    values["glycol"] = np.zeros(len(schedule))
    for episode in episodes:
        if episode.kind == "swapped_samples":
            _swap(values, episode.rows)
        else:
            _contaminate(values, episode, str(schedule.family[episode.rows[0]]), rng)
    return values


def strength_of(kinds: tuple[str, ...], episodes: list[Episode], size: int) -> FloatArray:
    """Return the strength (0..1) of episodes of these kinds at each of `size` samples, 0 elsewhere."""
    strength = np.zeros(size)
    for episode in episodes:
        if episode.kind in kinds:
            strength[episode.rows] = episode.strength
    return strength


def _wear(fleet: Fleet, schedule: Schedule, hours: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Compute metals and indices: background, plus accumulation with oil hours by unit and component."""
    unit_level = np.array([u.level for u in fleet.units])[schedule.unit]
    ageing = 1 + 0.2 * schedule.component_hours / 30_000
    essays = dict.fromkeys(r["essay"] for r in rows("families"))
    values: dict[str, FloatArray] = {}
    for essay in essays:
        level = rng.lognormal(0, 0.32, len(fleet.compartments))[schedule.compartment] * unit_level
        noise = rng.lognormal(0, 0.13, len(schedule))
        reading = rng.normal(0, 0.25, len(schedule))
        value = np.full(len(schedule), np.nan)
        for family in dict.fromkeys(schedule.family):
            curve = family_curves(family).get(essay)
            if curve is None:
                continue
            here = schedule.family == family
            fresh, per_1000h, _ = curve
            grown = per_1000h * level[here] * ageing[here] * hours[here] / 1000
            value[here] = (fresh + grown) * noise[here] + reading[here]
        values[essay] = np.maximum(value, 0)
    return values


def _oil_product(
    fleet: Fleet, schedule: Schedule, hours: FloatArray, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Compute additives and bulk properties, which deplete or thicken with hours."""
    products = [oil(p.oil) for p in fleet.compartments]
    values: dict[str, FloatArray] = {}
    for essay in (*ADDITIVES, *BULK):
        new = np.array([float(p[essay] or "nan") for p in products])[schedule.compartment]
        kept = np.exp(-DEPLETION_PER_1000H.get(essay, 0.0) * hours / 1000)
        spread = 0.012 if essay in ("V100", "V40") else 0.035
        values[essay] = new * kept * rng.lognormal(0, spread, len(schedule))
    values["TAN"] = values["TAN"] * (1 + 0.25 * hours / 1000)
    thickening = np.where(schedule.family == "motor", 1 + 0.02 * hours / 1000, 1 - 0.004 * hours / 1000)
    values["V100"] *= thickening
    values["V40"] *= thickening
    values["TBN"] = np.where(schedule.family == "motor", values["TBN"], np.nan)
    return values


def _swap(values: dict[str, FloatArray], pair: IntArray) -> None:
    """Exchange the contents of two jars. Engine tests then measure an oil that was never in an engine."""
    for essay, value in values.items():
        if essay in ENGINE_ESSAYS:
            value[pair] = value[pair] * 0.15
        else:
            value[pair] = value[pair[::-1]]


def _contaminate(values: dict[str, FloatArray], episode: Episode, family: str, rng: np.random.Generator) -> None:
    if episode.kind == "wear":
        peaks = {essay: peak for essay, (_, _, peak) in family_curves(family).items()}
    else:
        peaks = {r["essay"]: float(r["peak"]) for r in rows("contamination") if r["kind"] == episode.kind}
    for essay, peak in peaks.items():
        values[essay][episode.rows] += peak * episode.strength * rng.uniform(0.8, 1.2)
    shift = 1 + VISCOSITY_SHIFT.get(episode.kind, 0.0) * episode.strength
    values["V100"][episode.rows] *= shift
    values["V40"][episode.rows] *= shift
