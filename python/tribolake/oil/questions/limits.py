"""Show the limits that judge today."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.oil.limits.versions import JUDGING_LIMITS, LIMITS
from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.sql import literal
from tribolake.texts import plain
from tribolake.trace.find import fetch_version
from tribolake.trace.query import query

THRESHOLDS = ("threshold_normal", "threshold_alert", "threshold_critic", "lower_normal", "lower_alert", "lower_critic")
COLUMNS = ("client", "machine", "machine_model", "component", "essay", "unit", *THRESHOLDS, "n", "quality")


def show_limits(
    settings: Settings,
    *,
    machine: str | None = None,
    component: str | None = None,
    essay: str | None = None,
    clients: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Read the limits that judge the newest reports.

    Args:
        settings: the lake.
        machine: a kind of machine or a model, whatever its case and accents. None means all.
        component: a component family. None means all.
        essay: an essay by name. None means all.
        clients: these only. None means all.

    Returns:
        A row for each group and essay: COLUMNS, and `source_level` of the limits. No row where no group
        has enough samples.

    Raises:
        ConfigurationError: nothing is published, or none of the limits has these names.
    """
    versions = query(
        OIL, settings, "select distinct limits_version from stewart_limits order by 1", clients=clients
    ).rows
    published = open_objects(settings)
    found = []
    for (version,) in versions:
        file = fetch_version(published, LIMITS, version, JUDGING_LIMITS)
        policy = version.rpartition("-")[0]
        found += judging_limits(file, policy)
    chosen = [
        row
        for row in found
        if _matches(machine, row["machine"], row["machine_model"])
        and _matches(component, row["component"])
        and _matches(essay, row["essay"])
    ]
    if found and not chosen:
        raise ConfigurationError(f"no limit has these names. {_known(found, machine)}")
    return chosen


def judging_limits(file: Path, policy: str) -> list[dict[str, Any]]:
    """Return the limits of a version that judge under a policy: those of models, or those of kinds of machine."""
    grain = judging_grain(policy)
    with duckdb.connect() as connection:
        return rows_of(
            connection,
            f"select {', '.join(COLUMNS)}, source_level_normal as source_level "
            f"from read_parquet({literal(file)}) where grain = {literal(grain)} "
            "order by machine, machine_model, component, essay, unit",
        )


@cache
def judging_grain(policy: str) -> str:
    """Return what groups that judge under a policy are made of: `model` or `machine`."""
    levels = [row for row in read_seed("policy_limit_levels") if row["policy"] == policy]
    return min(levels, key=lambda row: int(row["rank"]))["level"] if levels else "machine"


def _matches(asked: str | None, *names: str | None) -> bool:
    return asked is None or any(name is not None and plain(asked) == plain(name) for name in names)


def _known(found: Sequence[dict[str, Any]], machine: str | None) -> str:
    machines = sorted({name for row in found for name in (row["machine"], row["machine_model"]) if name})
    of_machine = [row for row in found if _matches(machine, row["machine"], row["machine_model"])]
    if not of_machine:
        return f"Machines: {', '.join(machines)}"
    return f"Components of this machine: {', '.join(sorted({row['component'] for row in of_machine}))}"
