"""The invented fleet, oils, wear curves and comments, and the laboratories' headers, kept as data files."""

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
    """Header row of a Finning sheet (`oil`: 294 names, `coolant`: 133), in file order with its repeats."""
    return tuple(_text(f"finning_{sheet}_header.txt").splitlines())


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """Rows of one CSV of `layout/`, all cells as text."""
    return tuple(csv.DictReader(_text(f"{name}.csv").splitlines()))


@cache
def family_curves(family: str) -> dict[str, tuple[float, float, float]]:
    """Essay -> (value in fresh oil, gain per 1000 h on oil, peak of a wear episode), in the essay's unit."""
    return {
        r["essay"]: (float(r["fresh"]), float(r["per_1000h"]), float(r["wear_peak"]))
        for r in rows("families")
        if r["family"] == family
    }


@cache
def oil(name: str) -> dict[str, str]:
    """The oil product `name`: brand, grade and what it contains when new."""
    return next(r for r in rows("oils") if r["oil"] == name)
