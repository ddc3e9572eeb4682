{{ config(materialized='view') }}

-- One row per group of samples with common limits that this run decides on: touched, requested, or calculated so long
-- ago that newer samples should count.

with

evaluated_samples as (
    select * from {{ ref('int_evaluated_samples') }} where is_judged
),

calculations as (
    select * from {{ source('control', 'limit_calculations') }}
),

run_request as (
    select * from {{ source('control', 'run_request') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

last_arrivals as (
    select
        clients.client_code as client,
        max(contents.first_arrived_at) as arrived_at
    from {{ ref('int_contents') }} as contents
    inner join {{ ref('clients') }} as clients on contents.client = clients.client
    group by clients.client_code
),

old_calculations as (
    select
        calculations.client,
        calculations.machine,
        calculations.component
    from calculations
    cross join run_request
    cross join active_policy
    inner join last_arrivals on calculations.client = last_arrivals.client
    where
        run_request.recalculate_limits
        or (
            calculations.calculated_at < run_request.requested_at - to_days(active_policy.limits_last_days)
            and last_arrivals.arrived_at > calculations.calculated_at
        )
),

-- Limits that were made from values that turned out to have lost their decimal point, or not to have.
repointed_groups as (
    select
        calculations.client,
        calculations.machine,
        calculations.component
    from {{ ref('int_lost_points') }} as lost_points
    inner join evaluated_samples on lost_points.row_id = evaluated_samples.row_id
    inner join calculations
        on
            evaluated_samples.client = calculations.client
            and evaluated_samples.machineName = calculations.machine
            and evaluated_samples.componentNameNormalized = calculations.component
            and lost_points.decided_at > calculations.calculated_at
    group by all
),

-- A sample of an unknown machine does not belong to a group, as similar samples are not known.
touched_groups as (
    select
        client,
        machineName as machine,
        componentNameNormalized as component
    from {{ ref('touched_rows') }}
    where machineName is not null and componentNameNormalized is not null
    union
    select
        client,
        machine,
        component
    from repointed_groups
    union
    select
        client,
        machine,
        component
    from old_calculations
)

select
    touched_groups.client,
    touched_groups.machine,
    touched_groups.component,
    any_value(calculations.n) as n_before,
    any_value(calculations.calculated_at) as calculated_before,
    bool_or(repointed_groups.client is not null) as has_new_points,
    count(evaluated_samples.row_id) as n_now,
    count(evaluated_samples.row_id) filter (where evaluated_samples.first_arrived_at > calculations.calculated_at)
        as n_new
from touched_groups
left join calculations
    on
        touched_groups.client = calculations.client
        and touched_groups.machine = calculations.machine
        and touched_groups.component = calculations.component
left join repointed_groups
    on
        touched_groups.client = repointed_groups.client
        and touched_groups.machine = repointed_groups.machine
        and touched_groups.component = repointed_groups.component
left join evaluated_samples
    on
        touched_groups.client = evaluated_samples.client
        and touched_groups.machine = evaluated_samples.machineName
        and touched_groups.component = evaluated_samples.componentNameNormalized
group by touched_groups.client, touched_groups.machine, touched_groups.component
