"""Limits of one group that a choice sets, made by the product's own models of limits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import duckdb
import numpy as np

from tribolake.errors import ConfigurationError
from tribolake.oil.limits.choice import BANDS, LIMIT_SEED, NONE, PUBLISHED_LIMITS, Choice, LimitGroup, Numbers, seed_row
from tribolake.oil.limits.groups import LEVEL_KEYS
from tribolake.oil.limits.percentiles import grouped_percentiles
from tribolake.run.compiled_models import CompiledProject
from tribolake.run.memory_build import build_models
from tribolake.run.warehouse import rows_of

UPPER = ("threshold_normal", "threshold_alert", "threshold_critic")
LOWER = ("lower_normal", "lower_alert", "lower_critic")
PERCENTILES = ("p90", "p95", "p98")  # their columns, whatever percentile a choice puts there
OF_GROUP = """
    grain = $grain and client = $client and machine = $machine and coalesce(machine_model, '') = $machine_model
    and component = $component and essay = $essay and coalesce(unit, '') = $unit
"""
ONLY_ITS_GROUP = "update limits.limit_decisions set is_recalculated = (machine = $machine and component = $component)"
# The values of a group at a level, as `int_observations` has them.
VALUES = """
    select value
    from limits.int_observations
    cross join policy.active_policy
    where
        client = $client and component = $component and essay = $essay and coalesce(unit, '') = $unit
        and ($machine is null or machine = $machine) and ($machine_model is null or machine_model = $machine_model)
        and (active_policy.zeros_count or value <> 0)
"""


def only_group(connection: duckdb.DuckDBPyConnection, group: LimitGroup) -> None:
    """Have the models calculate the limits of one group of samples only."""
    connection.execute(ONLY_ITS_GROUP, {"machine": group.machine, "component": group.component})


def set_limits_of(
    connection: duckdb.DuckDBPyConnection,
    project: CompiledProject,
    choice: Choice,
    policy: str,
    given: tuple[str, ...],
) -> dict[str, Any]:
    """Set the limits of a choice's group in `limits.int_limits`. All other limits are the published ones.

    Args:
        connection: has the percentiles of the group.
        project: compiled models.
        choice: has a group.
        policy: that judges.
        given: models whose tables are there.

    Returns:
        The limits of the group, as a row of `int_limits`.

    Raises:
        ConfigurationError: the group has no limits.
    """
    assert choice.group is not None  # noqa: S101 - callers ask
    group = asdict(choice.group)
    published = _limits_of(connection, PUBLISHED_LIMITS, choice.group)
    if choice.percentiles == NONE:
        _set_row(connection, choice, policy)
    build_models(connection, project, given, ["int_borrowed_percentiles"])
    if choice.percentiles != NONE:
        connection.execute(f"delete from seeds.{LIMIT_SEED} where {OF_GROUP}", group)
        for column, percentile in zip(PERCENTILES, choice.percentiles, strict=True):
            if percentile is not None:
                set_percentile(connection, choice.group, column, percentile)
    build_models(connection, project, (*given, "int_borrowed_percentiles"), ["int_limits"])
    made = _limits_of(connection, "limits.int_limits", choice.group)
    has_lower = choice.lower[0] is not None
    if has_lower and made["lower_normal"] != choice.lower[0]:
        raise ConfigurationError("lower_marginal: this essay is not judged downwards")
    sides = (*(LOWER if has_lower else ()), *(UPPER if choice.lower == NONE or choice.upper[0] is not None else ()))
    new = published | {name: made[name] for name in sides}
    connection.execute(f"create or replace table limits.int_limits as from {PUBLISHED_LIMITS}")
    changes = ", ".join(f"{name} = $new_{name}" for name in sides)
    values = {f"new_{name}": new[name] for name in sides}
    connection.execute(f"update limits.int_limits set {changes} where {OF_GROUP}", group | values)
    return new


def numbers_of(limits: dict[str, Any], side: tuple[str, ...]) -> Numbers:
    """Return the limits of a side of a row, by band."""
    marginal, condenatorio, critico = (limits[name] for name in side)
    return marginal, condenatorio, critico


def _limits_of(connection: duckdb.DuckDBPyConnection, table: str, group: LimitGroup) -> dict[str, Any]:
    found = rows_of(connection, f"select * from {table} where {OF_GROUP}", asdict(group))
    if len(found) != 1:
        raise ConfigurationError("group: it has no limits, so none can be changed")
    return found[0]


def _set_row(connection: duckdb.DuckDBPyConnection, choice: Choice, policy: str) -> None:
    """Put the row of a choice into the seed, in place of one that is there."""
    assert choice.group is not None  # noqa: S101 - callers ask
    connection.execute(f"delete from seeds.{LIMIT_SEED} where {OF_GROUP}", asdict(choice.group))
    row = seed_row(choice.group, policy, choice.upper, choice.lower, "", "")
    columns = ", ".join(f"${name} as {name}" for name in row)
    connection.execute(f"insert into seeds.{LIMIT_SEED} by name select {columns}", row)


def set_percentile(connection: duckdb.DuckDBPyConnection, group: LimitGroup, column: str, percentile: float) -> None:
    """Put another percentile of the values where that of the policy is, at the level that it comes from.

    Args:
        connection: has `int_borrowed_percentiles` with the group, and `int_observations`.
        group: whose limits change.
        column: p90, p95 or p98.
        percentile: from 0 to 100.

    Raises:
        ConfigurationError: the group has no such percentile.
    """
    where = asdict(group)
    query = f"select {column}_level from limits.int_borrowed_percentiles where {OF_GROUP}"
    row = connection.execute(query, where).fetchone()
    if row is None or row[0] is None:
        band = BANDS[PERCENTILES.index(column)]
        raise ConfigurationError(f"{band}: the group has too few samples for this limit")
    keys = LEVEL_KEYS[row[0]]
    asked = {name: value if name in keys or name in ("essay", "unit") else None for name, value in where.items()}
    del asked["grain"]
    values = np.array([value for (value,) in connection.execute(VALUES, asked).fetchall()], dtype=np.float64)
    found = grouped_percentiles(np.zeros(len(values), dtype=np.int64), values, np.array([percentile / 100]), 1)
    connection.execute(
        f"update limits.int_borrowed_percentiles set {column} = $value where {OF_GROUP}",
        where | {"value": float(found.values[0, 0])},
    )
