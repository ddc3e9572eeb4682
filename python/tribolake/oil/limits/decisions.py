"""Decide which groups need new limits, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from tribolake.oil.limits.shift import grouped_shifts

DECISIONS = pa.schema(
    [
        ("run_id", pa.string()),
        ("decided_at", pa.timestamp("us", "UTC")),
        ("client", pa.string()),
        ("machine", pa.string()),
        ("component", pa.string()),
        ("is_recalculated", pa.bool_()),
        ("reason", pa.string()),
        ("n_before", pa.int64()),
        ("n_now", pa.int64()),
        ("n_new", pa.int64()),
        ("shifted_essay", pa.string()),
        ("shift_statistic", pa.float64()),
        ("shift_p_value", pa.float64()),
        ("calculated_before", pa.timestamp("us", "UTC")),
    ]
)
GROUP = ("client", "machine", "component")


@dataclass(frozen=True)
class Rules:
    """When limits are calculated again, from the seed `policies`."""

    growth: float  # fraction of the samples of the last calculation
    last_days: int  # days
    significance: float  # of the shift test, before it is divided by the number of comparisons


def decide(
    groups: pa.Table, values: pa.Table, rules: Rules, *, run_id: str, requested_at: datetime, is_asked_for: bool
) -> pa.Table:
    """Decide for each group of a run whether its limits are calculated again.

    Args:
        groups: one row per group: `client`, `machine`, `component`, `n_before` and `calculated_before` of the last
            calculation (null without one), `n_now`, `n_new` (samples since then),
            `has_new_points` (whether values were found to have lost their decimal point since).
        values: the results of groups with new samples: the group's columns, `essay`, `cell` (the number of group and
            essay), `value` (in the essay's unit), `is_new`.
        rules: thresholds.
        run_id: the run that decides.
        requested_at: when the run was requested. Ages are counted up to then.
        is_asked_for: whether the run was asked to calculate all limits again.

    Returns:
        A table of the shape `DECISIONS`, one row per group.
    """
    shifts = _shifts(values)
    decided_at = datetime.now(UTC)
    rows = []
    for group in groups.to_pylist():
        row = group | shifts.get(tuple(group[name] for name in GROUP), {})
        reason = _reason(row, rules, requested_at, is_asked_for)
        row |= {"run_id": run_id, "decided_at": decided_at}
        rows.append(row | {"is_recalculated": reason is not None, "reason": reason or "kept"})
    return pa.Table.from_pylist(rows, schema=DECISIONS)


def _reason(group: dict[str, Any], rules: Rules, requested_at: datetime, is_asked_for: bool) -> str | None:
    """Return why limits are calculated again, or None where they are kept."""
    before, now, calculated = group["n_before"], group["n_now"], group["calculated_before"]
    if before is None:
        return "new group" if now else None
    reasons = {
        "no samples left": now == 0,
        "asked for": is_asked_for,
        "lost decimal points": group["has_new_points"],
        f"samples {(now - before) / before:+.0%}": abs(now - before) > rules.growth * before,
        f"older than {rules.last_days} days": requested_at - calculated > timedelta(days=rules.last_days),
        f"{group.get('shifted_essay')} shifted": group.get("shift_p_value", 1.0) < rules.significance,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _shifts(values: pa.Table) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the essay of each group that shifted most, its p-value times all comparisons (Bonferroni)."""
    cells, first, cell = np.unique(values["cell"].to_numpy(), return_index=True, return_inverse=True)
    found = grouped_shifts(cell, values["value"].to_numpy(), values["is_new"].to_numpy(), len(cells))
    comparisons = int(((found.n_old > 0) & (found.n_new > 0)).sum())
    corrected = np.minimum(found.p_value * comparisons, 1.0)
    names = values.select([*GROUP, "essay"]).take(first).to_pylist()
    return {
        tuple(names[at][column] for column in GROUP): {
            "shifted_essay": names[at]["essay"],
            "shift_statistic": float(found.statistic[at]),
            "shift_p_value": float(corrected[at]),
        }
        for at in np.argsort(-corrected, kind="stable")  # the most significant comes last and stays
    }
