"""Derive the laboratory's verdict and comment from episodes and cleanliness."""

from __future__ import annotations

from functools import cache

import numpy as np

from tribolake.oil.synth.episodes import Episode
from tribolake.oil.synth.particles import iso_code
from tribolake.oil.synth.schedule import Schedule
from tribolake.oil.synth.tables import BoolArray, FloatArray, TextArray, rows

NORMAL = "No se requiere acción"
MONITOR = "Monitorear Compartimento"
ACTION = "Acción requerida"
URGENT = "Se requiere acción urgente"
NO_COMMENT = "Sin comentarios"

ACTION_STRENGTH = 0.45
URGENT_STRENGTH = 0.95
WATER_TRACE, WATER_PRESENT, WATER_EXCESS = 0.05, 0.1, 0.5  # percent
NO_COMMENT_SHARE = 0.005
DIRTY_CODES = (22, 15)  # ISO codes at 4 and 14 microns. Above them the laboratory monitors the compartment


def water_letter(water: FloatArray) -> TextArray:
    """Return the letter of the crackle test from percent of water: `N` none, `T` trace, `P` present, `E` excess."""
    letters = np.array(["N", "T", "P", "E"], dtype=object)
    return letters[np.searchsorted([WATER_TRACE, WATER_PRESENT, WATER_EXCESS], water, side="right")]


def looks_dirty(
    schedule: Schedule, counts: dict[str, FloatArray], visible: TextArray, rng: np.random.Generator
) -> BoolArray:
    """Choose samples to monitor for cleanliness: almost all with visible particles, many with high counts."""
    luck = rng.uniform(size=len(schedule))
    seen = np.array([code is not None for code in visible])
    high = (iso_code(counts["4µ"]) > DIRTY_CODES[0]) | (iso_code(counts["14µ"]) > DIRTY_CODES[1])
    engine = schedule.family == "motor"
    return np.where(engine, luck < 0.35, np.where(seen, luck < 0.96, np.where(high, luck < 0.5, luck < 0.08)))


def lab_verdicts(
    schedule: Schedule,
    episodes: list[Episode],
    water: FloatArray,
    dirty: BoolArray,
    rng: np.random.Generator,
) -> tuple[TextArray, TextArray]:
    """Return verdict and comment of every sample. Undeclared oil changes are not noticed."""
    size = len(schedule)
    verdict = np.where(dirty | (water >= WATER_TRACE), MONITOR, NORMAL).astype(object)
    cause = np.where(dirty, "particles", np.where(water >= WATER_TRACE, "water", "none")).astype(object)
    for episode in episodes:
        if episode.kind == "undeclared_oil_change":
            continue
        strong = np.where(episode.strength >= ACTION_STRENGTH, ACTION, MONITOR).astype(object)
        strong[episode.strength >= URGENT_STRENGTH] = URGENT
        if episode.kind == "swapped_samples":
            strong[:] = ACTION
        verdict[episode.rows] = strong
        cause[episode.rows] = episode.kind
    wet = water >= WATER_PRESENT
    verdict[wet & (verdict != URGENT)] = ACTION
    silent = (rng.uniform(size=size) < NO_COMMENT_SHARE) & np.isin(verdict, [NORMAL, MONITOR])
    verdict[silent], cause[silent] = NO_COMMENT, "no_comment"
    choice = rng.integers(0, 1_000, (size, 2))
    comments = [_comment(c, v, a, b) for c, v, (a, b) in zip(cause, verdict, choice.tolist(), strict=True)]
    return verdict, np.array(comments, dtype=object)


@cache
def _sentences(cause: str, part: str) -> tuple[str, ...]:
    return tuple(r["text"] for r in rows("comments") if r["cause"] == cause and r["part"] == part)


def _comment(cause: str, verdict: str, finding: int, action: int) -> str:
    """Join sentences by `/`: the finding, then the action."""
    said = []
    for part, pick in (("finding", finding), ("action", action)):
        choices = _sentences(cause, part)
        if choices:
            said.append(choices[pick % len(choices)])
    if verdict == URGENT:
        said.extend(_sentences("urgent", "action"))
    return "/ ".join(said) + "/"
