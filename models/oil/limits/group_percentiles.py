"""One row per level × group × essay: percentiles of its values, with their confidence intervals."""

from tribolake.limits.groups import group_percentiles


def model(dbt, session):
    dbt.config(materialized="table")
    policy = dbt.ref("active_policy").project("policy, zeros_count")
    levels = dbt.ref("policy_limit_levels").join(policy, "policy").project("level").fetchall()
    (zeros_count,) = policy.project("zeros_count").fetchone()
    return group_percentiles(dbt.ref("int_observations").to_arrow_table(), [level for (level,) in levels], zeros_count)
