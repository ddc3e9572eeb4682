-- A machine's score is the sum of its components' points, and its status the highest whose cut-off the score reaches.
with

statuses as (
    select policy_statuses.*
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join {{ ref('active_policy') }} as active_policy on policy_statuses.policy = active_policy.policy
),

machine_scores as (
    select
        components.client,
        components.unit_id,
        sum(
            case
                when components.is_stale or components.carried_by is not null then 0
                else coalesce(statuses.component_points, 0)
            end
        ) as machine_score
    from {{ ref('component_status_current') }} as components
    left join statuses on components.status = statuses.report_status
    group by components.client, components.unit_id
),

expected as (
    select
        machine_scores.client,
        machine_scores.unit_id,
        machine_scores.machine_score,
        arg_max(statuses.report_status, statuses.machine_min_score) as overall_status
    from machine_scores
    inner join statuses on machine_scores.machine_score >= statuses.machine_min_score
    group by all
)

select
    machines.machine_score,
    machines.overall_status,
    expected.machine_score as expected_score,
    expected.overall_status as expected_status,
    coalesce(machines.client, expected.client) as client,
    coalesce(machines.unit_id, expected.unit_id) as unit_id
from {{ ref('machine_status_current') }} as machines
full outer join expected on machines.client = expected.client and machines.unit_id = expected.unit_id
where
    machines.machine_score is distinct from expected.machine_score
    or (
        machines.overall_status is distinct from expected.overall_status
        and machines.overall_status is distinct from 'Sin evaluar'
    )
