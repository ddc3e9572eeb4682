{{ config(severity='warn') }}

-- A row of `policy_limits` that changes nothing: its group has no limits, because it does not exist or has too few
-- samples, or its essay is not judged downwards.

with

set_limits as (
    select
        policy_limits.*,
        policy_essays.direction
    from {{ ref('policy_limits') }} as policy_limits
    inner join {{ ref('active_policy') }} as active_policy on policy_limits.policy = active_policy.policy
    inner join {{ ref('policy_essays') }} as policy_essays
        on policy_limits.policy = policy_essays.policy and policy_limits.essay = policy_essays.essay
),

matched as (
    select
        set_limits.*,
        limits.essay is not null as has_group
    from set_limits
    left join {{ ref('int_limits') }} as limits
        on
            set_limits.grain = limits.grain
            and set_limits.client = limits.client
            and set_limits.machine = limits.machine
            and coalesce(set_limits.machine_model, '') = coalesce(limits.machine_model, '')
            and set_limits.component = limits.component
            and set_limits.essay = limits.essay
            and coalesce(set_limits.unit, '') = coalesce(limits.unit, '')
)

select
    client,
    grain,
    machine,
    machine_model,
    component,
    essay,
    unit,
    if(
        has_group,
        'leave the lower limits of this essay empty, which the policy does not judge downwards',
        'correct the row: `tribolake limits show` lists the groups that have limits'
    ) as what_to_do
from matched
where not has_group or (lower_marginal is not null and direction not in ('both', 'lower'))
