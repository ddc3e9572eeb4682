"""Publish limits: a folder for each version, which the rows of `stewart_limits` name."""

from __future__ import annotations

import re
from typing import Any

from tribolake.product import VersionedFolder


def nest(rows: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
    """Nest limits as client → machine → component → essay → thresholds and count."""
    nested: dict[str, dict[str, Any]] = {}
    for client, machine, component, essay, normal, alert, critic, count in rows:
        essays = nested.setdefault(client, {}).setdefault(machine, {}).setdefault(component, {})
        essays[essay] = {
            "threshold_normal": normal,
            "threshold_alert": alert,
            "threshold_critic": critic,
            "count": count,
        }
    return nested


LIMITS_QUERY = """
    select * from limits.stewart_limits where limits_version = $version order by client, machine, component, essay
"""
NESTED_QUERY = """
    select client, machine, component, essay, threshold_normal, threshold_alert, threshold_critic, count
    from limits.stewart_limits where limits_version = $version order by client, machine, component, essay
"""
# The published limits are those of machines. Under a policy that judges by model, limits of models judge too.
JUDGING_QUERY = """
    select limits.*
    from limits.int_limits as limits
    where client = (select any_value(client) from limits.stewart_limits where limits_version = $version)
    order by grain, machine, machine_model, component, essay
"""
STEWART_LIMITS = "stewart_limits"
JUDGING_LIMITS = "judging_limits"
LIMITS = VersionedFolder(
    name="limits",
    folder="silver/stewart_limits",
    # A policy, then the fingerprint of the limits. See models/oil/limits/stewart_limits.sql.
    pattern=re.compile(r"^[a-z][a-z0-9_-]{0,63}-[0-9a-f]{12}$"),
    example="default-2ffb3618fc06",
    table=STEWART_LIMITS,
    column="limits_version",
    versions="select distinct limits_version from limits.stewart_limits order by 1",
    files={STEWART_LIMITS: LIMITS_QUERY, JUDGING_LIMITS: JUDGING_QUERY},
    nested=(NESTED_QUERY, nest),
)
