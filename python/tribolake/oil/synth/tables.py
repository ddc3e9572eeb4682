"""Read data files: invented fleet, oils, wear curves and comments, and real headers."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
DayArray = npt.NDArray[np.datetime64]
TextArray = npt.NDArray[np.object_]


def _text(name: str) -> str:
    return (resources.files("tribolake.oil.synth") / "layout" / name).read_text(encoding="utf-8")


@cache
def header(sheet: str) -> tuple[str, ...]:
    """Read the header of a Finning sheet (`oil`: 294 names, `coolant`: 133), in file order with repeats."""
    return tuple(_text(f"finning_{sheet}_header.txt").splitlines())


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Read the rows of one CSV of `layout/`, all cells as text."""
    return tuple(csv.DictReader(_text(f"{name}.csv").splitlines()))


@cache
def family_curves(family: str) -> dict[str, tuple[float, float, float]]:
    """Map essay to (value in fresh oil, gain per 1000 h on oil, peak of a wear episode), in the essay's unit."""
    return {
        r["essay"]: (float(r["fresh"]), float(r["per_1000h"]), float(r["wear_peak"]))
        for r in rows("families")
        if r["family"] == family
    }


@cache
def oil(name: str) -> dict[str, str]:
    """Return the oil product `name`: brand, grade and contents when new."""
    return next(r for r in rows("oils") if r["oil"] == name)
