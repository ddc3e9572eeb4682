"""One row per group of samples that this run decided on: whether its limits are calculated again, and why."""

from tribolake.oil.limits.decisions import Rules, decide

NEWCOMERS = """
    select
        groups.client,
        groups.machine,
        groups.component,
        results.essay,
        dense_rank() over (
            order by groups.client, groups.machine, groups.component, results.essay, results.unit
        ) as cell,
        results.calculation_value as value,
        samples.first_arrived_at > groups.calculated_before as is_new
    from groups
    inner join samples
        on
            groups.client = samples.client
            and groups.machine = samples.machineName
            and groups.component = samples.componentNameNormalized
    inner join results on samples.row_id = results.row_id
    inner join policy_essays on results.essay = policy_essays.essay
    where samples.is_judged and results.calculation_value is not null and groups.n_new > 0
"""


def model(dbt, session):
    dbt.config(materialized="scope")
    run_id, requested_at, is_asked_for = (
        dbt.source("control", "run_request").project("run_id, requested_at, recalculate_limits").fetchone()
    )
    policy = dbt.ref("active_policy")
    rules = Rules(*policy.project("limits_growth, limits_last_days, shift_significance").fetchone())
    policy_essays = dbt.ref("policy_essays").join(policy.project("policy"), "policy")
    groups = dbt.ref("int_limit_groups")
    samples = dbt.ref("int_evaluated_samples")
    results = dbt.ref("results")
    return decide(
        groups.to_arrow_table(),
        session.sql(NEWCOMERS).to_arrow_table(),
        rules,
        run_id=run_id,
        requested_at=requested_at,
        is_asked_for=is_asked_for,
    )
