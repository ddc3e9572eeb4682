"""Which essays decide the status of a report, by its policy."""

from __future__ import annotations

from functools import cache

from tribolake.oil.seeds import read_seed


@cache
def deciding_essays(policy: str) -> frozenset[str]:
    """Return the essays that count for the status under a policy. Breaches of others do not decide it."""
    return frozenset(
        row["essay"]
        for row in read_seed("policy_essays")
        if row["policy"] == policy and row["counts_for_status"] == "true"
    )
