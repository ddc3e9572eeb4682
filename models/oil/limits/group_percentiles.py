"""One row per level × group × essay: percentiles of its values, with their confidence intervals."""

from tribolake.oil.limits.groups import Observations, group_percentiles

SEPARATOR = chr(31)
GROUP = "group_number, client, machine, machine_model, component"
# A family shares parents with the groups that this run calculates. Its other groups keep their limits.
RECALCULATED = f"""
    select
        percentiles.* replace (split_part(essay, '{SEPARATOR}', 1) as essay),
        split_part(essay, '{SEPARATOR}', 2) as unit
    from percentiles
    where level = 'component' or (client, machine, component) in (
        select (client, machine, component) from decisions where is_recalculated
    )
"""


def model(dbt, session):
    dbt.config(materialized="scope")
    policy = dbt.ref("active_policy").project("policy, zeros_count")
    (zeros_count,) = policy.project("zeros_count").fetchone()
    levels = dbt.ref("policy_limit_levels").join(policy, "policy").project("level").fetchall()
    groups = dbt.ref("int_observations").project(GROUP).distinct().order("group_number").fetchall()
    # Results in units that do not convert into each other are as two essays.
    found = dbt.ref("int_observations")
    scales = found.project("essay_number, essay, unit").distinct().order("essay_number").fetchall()
    columns = found.project("* exclude (client, machine, machine_model, component, essay, unit)").fetchnumpy()
    observations = Observations(
        group=columns["group_number"],
        essay=columns["essay_number"],
        unit=columns["unit_number"],
        value=columns["value"],
        is_nondetect=columns["is_nondetect"],
    )
    percentiles = group_percentiles(
        observations,
        by_number(groups),
        [SEPARATOR.join(scale) for scale in by_number(scales)],
        [level for (level,) in levels],
        zeros_count,
    )
    decisions = dbt.ref("limit_decisions")
    return session.sql(RECALCULATED)


def by_number(numbered):
    """Return names in a list, by number. Unused numbers are gaps."""
    if not numbered:
        return []
    names = [("",) * (len(numbered[0]) - 1)] * (numbered[-1][0] + 1)
    for number, *rest in numbered:
        names[number] = tuple(rest)
    return names
