"""One row per level × group × essay: percentiles of its values, with their confidence intervals."""

from tribolake.oil.limits.groups import Observations, group_percentiles

GROUP = "group_number, client, machine, machine_model, component"
# A family has parents in common with the groups that this run calculates; its other groups keep their limits.
RECALCULATED = """
    select percentiles.*
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
    essays = dbt.ref("essays").project("position, essay").order("position").fetchall()
    columns = dbt.ref("int_observations").project("* exclude (client, machine, machine_model, component)").fetchnumpy()
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
        [name for (name,) in by_number(essays)],
        [level for (level,) in levels],
        zeros_count,
    )
    decisions = dbt.ref("limit_decisions")
    return session.sql(RECALCULATED)


def by_number(numbered):
    """Names in a list that their numbers index; a number that nobody has is a gap."""
    if not numbered:
        return []
    names = [("",) * (len(numbered[0]) - 1)] * (numbered[-1][0] + 1)
    for number, *rest in numbered:
        names[number] = tuple(rest)
    return names
