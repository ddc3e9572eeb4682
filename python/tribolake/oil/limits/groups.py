"""Compute the percentiles of every group of a policy, from which limits are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tribolake.oil.limits.percentiles import Integers, grouped_percentiles

# Columns that make a group at each level. A parent group has fewer columns.
LEVEL_KEYS: dict[str, tuple[str, ...]] = {
    "model": ("client", "machine", "machine_model", "component"),
    "machine": ("client", "machine", "component"),
    "component": ("client", "component"),
}
GROUP_COLUMNS = ("client", "machine", "machine_model", "component")
PERCENTILES = np.array([0.02, 0.05, 0.10, 0.50, 0.90, 0.95, 0.98])


@dataclass(frozen=True)
class Observations:
    """N results that have limits: their groups, by number, and values."""

    group: Integers  # (N,) index of its finest group
    essay: Integers  # (N,) index of its essay
    unit: Integers  # (N,) number of its unit
    value: NDArray[np.float64]  # (N,) in the essay's unit, 0 below detection
    is_nondetect: NDArray[np.bool_]  # (N,)


def group_percentiles(
    observations: Observations,
    groups: Sequence[tuple[str, str, str, str]],
    essays: Sequence[str],
    levels: Sequence[str],
    zeros_count: bool,
) -> pa.Table:
    """Compute the percentiles of all groups of some levels.

    The percentile (cumulative distribution) technique for alarm limits is that of ASTM D7720.

    Args:
        observations: the results.
        groups: (client, machine, machine_model, component) of each finest group, by its index.
        essays: name of each essay, by its index.
        levels: keys of `LEVEL_KEYS`.
        zeros_count: whether zeros are measurements. If not, percentiles are those of the non-zero values.

    Returns:
        One row per level × group × essay that has results: `level`, the group's columns (null where the level does not
        have them), `essay`, `n` (all values), `n_units`, `n_nondetect`, `n_distinct` (distinct values), `n_used`
        (values in the percentiles), and for each percentile `p90`, its interval `p90_low` and `p90_high`, in the
        essay's unit.
    """
    return pa.concat_tables(_level(observations, groups, essays, level, zeros_count) for level in levels)


def _level(
    observations: Observations,
    groups: Sequence[tuple[str, str, str, str]],
    essays: Sequence[str],
    level: str,
    zeros_count: bool,
) -> pa.Table:
    parents, parent_of = _parents(groups, LEVEL_KEYS[level])
    cell = parent_of[observations.group] * len(essays) + observations.essay
    present = np.flatnonzero(np.bincount(cell))
    index = np.empty(present[-1] + 1 if len(present) else 0, dtype=np.int64)
    index[present] = np.arange(len(present))
    group = index[cell]
    size = len(present)

    is_zero = observations.value == 0
    used = slice(None) if zeros_count else ~is_zero
    found = grouped_percentiles(group[used], observations.value[used], PERCENTILES, size)
    zeros_left_out = np.zeros(size, dtype=bool)
    if not zeros_count:
        zeros_left_out[group[is_zero]] = True

    columns: dict[str, object] = {"level": pa.repeat(level, size)}
    for at, name in enumerate(GROUP_COLUMNS):
        names = [parents[number][at] for number in (present // max(len(essays), 1)).tolist()]
        columns[name] = pa.array(names, pa.string())
    columns |= {
        "essay": pa.array([essays[number] for number in (present % max(len(essays), 1)).tolist()], pa.string()),
        "n": np.bincount(group, minlength=size),
        "n_units": _count_units(group, observations.unit, size),
        "n_nondetect": np.bincount(group[observations.is_nondetect], minlength=size),
        "n_distinct": found.n_distinct + zeros_left_out,
        "n_used": found.n,
    }
    for at, percentile in enumerate(PERCENTILES):
        name = f"p{round(percentile * 100):02d}"
        columns[name] = pa.array(found.values[:, at], from_pandas=True)
        columns[f"{name}_low"] = pa.array(found.low[:, at], from_pandas=True)
        columns[f"{name}_high"] = pa.array(found.high[:, at], from_pandas=True)
    return pa.table(columns)


def _parents(
    groups: Sequence[tuple[str, str, str, str]], keys: tuple[str, ...]
) -> tuple[list[tuple[str | None, ...]], Integers]:
    """Return the groups of a level, and the index of its group for each finest group."""
    shortened = [
        tuple(name if column in keys else None for column, name in zip(GROUP_COLUMNS, group, strict=True))
        for group in groups
    ]
    parents = list(dict.fromkeys(shortened))
    number = {parent: at for at, parent in enumerate(parents)}
    return parents, np.array([number[parent] for parent in shortened], dtype=np.int64)


def _count_units(group: Integers, unit: Integers, size: int) -> Integers:
    units = int(unit.max()) + 1 if len(unit) else 1
    pairs = np.unique(group * units + unit)
    return np.bincount(pairs // units, minlength=size)
