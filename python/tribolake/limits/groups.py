"""Percentiles of every group that a policy forms, as the table that limits are made from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tribolake.limits.percentiles import grouped_percentiles

# Which columns make a group at each level; a parent group leaves columns out.
LEVEL_KEYS: dict[str, tuple[str, ...]] = {
    "model": ("client", "machine", "machine_model", "component", "essay"),
    "machine": ("client", "machine", "component", "essay"),
    "component": ("client", "component", "essay"),
}
GROUP_COLUMNS = ("client", "machine", "machine_model", "component", "essay")
PERCENTILES = (0.02, 0.05, 0.10, 0.90, 0.95, 0.98)


def group_percentiles(observations: pa.Table, levels: Sequence[str], zeros_count: bool) -> pa.Table:
    """Percentiles of all groups of the asked levels.

    The percentile (cumulative distribution) technique for alarm limits is that of ASTM D7720.

    Args:
        observations: one row per sample × essay with the columns of `GROUP_COLUMNS`, `unit`, `value` (the essay's
            unit; 0 below detection) and `is_nondetect`.
        levels: keys of `LEVEL_KEYS`.
        zeros_count: whether zeros are measurements; if not, percentiles are those of the non-zero values.

    Returns:
        One row per level × group: `level`, the group's columns (null where the level leaves them out), `n` (all
        values), `n_units`, `n_nondetect`, `n_distinct` (distinct values), `n_used` (values in the percentiles), and
        for each percentile `p90`, its interval `p90_low` and `p90_high`, in the essay's unit.
    """
    tables = [_level(observations, level, zeros_count) for level in levels]
    return pa.concat_tables(tables)


def _level(observations: pa.Table, level: str, zeros_count: bool) -> pa.Table:
    keys = LEVEL_KEYS[level]
    group, members = _number_groups(observations.select(keys))
    groups = members.num_rows
    value = observations["value"].to_numpy()
    nondetect = observations["is_nondetect"].to_numpy()
    used = np.ones(len(value), dtype=bool) if zeros_count else value != 0
    found = grouped_percentiles(group[used], value[used], np.array(PERCENTILES), groups)
    columns: dict[str, object] = {"level": pa.repeat(level, groups)}
    for name in GROUP_COLUMNS:
        columns[name] = members[name] if name in keys else pa.nulls(groups, pa.string())
    columns |= {
        "n": np.bincount(group, minlength=groups),
        "n_units": _count_distinct(group, observations["unit"], groups),
        "n_nondetect": np.bincount(group[nondetect], minlength=groups),
        "n_distinct": _count_distinct(group, observations["value"], groups),
        "n_used": found.n,
    }
    for at, percentile in enumerate(PERCENTILES):
        name = f"p{round(percentile * 100):02d}"
        columns[name] = pa.array(found.values[:, at], from_pandas=True)
        columns[f"{name}_low"] = pa.array(found.low[:, at], from_pandas=True)
        columns[f"{name}_high"] = pa.array(found.high[:, at], from_pandas=True)
    return pa.table(columns)


def _number_groups(keys: pa.Table) -> tuple[np.ndarray, pa.Table]:
    """Number the distinct rows of a table: the number of each row, and the distinct rows in that order."""
    if not keys.num_rows:
        return np.empty(0, dtype=np.int64), keys
    number = np.zeros(keys.num_rows, dtype=np.int64)
    for column in keys.columns:
        encoded = pc.dictionary_encode(pc.fill_null(column.combine_chunks(), ""))
        combined = number * len(encoded.dictionary) + encoded.indices.to_numpy()
        # Renumbering after every column keeps the numbers small.
        _, first, number = np.unique(combined, return_index=True, return_inverse=True)
    return number, keys.take(pa.array(first))


def _count_distinct(group: np.ndarray, column: pa.ChunkedArray, groups: int) -> np.ndarray:
    if not len(group):
        return np.zeros(groups, dtype=np.int64)
    encoded = pc.dictionary_encode(column.combine_chunks())
    pairs = np.unique(group * len(encoded.dictionary) + encoded.indices.to_numpy())
    return np.bincount(pairs // len(encoded.dictionary), minlength=groups)
