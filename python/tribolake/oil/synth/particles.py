"""Make particle counts and their ISO 4406 codes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tribolake.oil.synth.schedule import Schedule
from tribolake.oil.synth.tables import BoolArray, FloatArray, IntArray, TextArray

SIZES = (4, 6, 10, 14, 18, 21, 38, 50, 70)

# ISO 4406:2017 table 1, particles per ml: rounded as published, so doubling does not give them.
# fmt: off
ISO_UPPER_BOUNDS = np.array([
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.3, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1_300, 2_500, 5_000,
    10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_300_000, 2_500_000,
])
# fmt: on

VISIBLE_CODES = ("S-M", "G-NM1", "G-M1", "P-NM1", "G-NM2")
VISIBLE_SHARES = (0.49, 0.43, 0.03, 0.03, 0.02)
MEDIAN_COUNT_4UM = 19_000.0
WATER_SEEN_PERCENT = 0.1


def iso_code(particles_per_ml: npt.ArrayLike) -> IntArray:
    """Return the ISO 4406 code of each cumulative count per ml. Bounds are inclusive (5 000 -> 19). 29 is `>28`."""
    return np.asarray(np.searchsorted(ISO_UPPER_BOUNDS, np.asarray(particles_per_ml), side="left"))


def iso_text(at_4: FloatArray, at_6: FloatArray, at_14: FloatArray) -> TextArray:
    """Write the three-number ISO code such as `21/19/15` from the counts per ml at 4, 6 and 14 microns."""
    names = np.array([str(code) for code in range(29)] + [">28"], dtype=object)
    codes = zip(names[iso_code(at_4)], names[iso_code(at_6)], names[iso_code(at_14)], strict=True)
    return np.array(["/".join(code) for code in codes], dtype=object)


def particle_counts(schedule: Schedule, dirt: FloatArray, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Make cumulative counts per ml at each size (`4µ`...`70µ`): whole numbers that do not grow with size.

    `dirt` (0..1) is the strength of a wear or dust episode. It multiplies the counts up to eight times.
    """
    n = len(schedule)
    settled = rng.normal(0, 0.55, n) + 0.00008 * np.minimum(schedule.oil_hours, 4000)
    at_4 = MEDIAN_COUNT_4UM * np.exp(settled) * (1 + 7 * dirt)
    slope = rng.normal(4.7, 0.35, n)
    counts = {f"{size}µ": np.rint(at_4 * (size / SIZES[0]) ** -slope) for size in SIZES}
    return counts


def visible_codes(visible: BoolArray, water: FloatArray, rng: np.random.Generator) -> TextArray:
    """Make the code instead of a count: `H2O` from 0.1 % water, else the visible particles. None if counted."""
    codes = rng.choice(np.array(VISIBLE_CODES, dtype=object), size=len(visible), p=VISIBLE_SHARES)
    codes[~visible] = None
    codes[water >= WATER_SEEN_PERCENT] = "H2O"
    return codes
