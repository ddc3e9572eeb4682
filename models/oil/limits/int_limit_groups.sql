{{ config(materialized='view') }}

-- One row per group of samples with common limits that this run has to look at: touched, asked for, or calculated so
-- long ago that what came since should count.

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

-- A sample of an unknown machine belongs to no group: nothing says which samples are like it.
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
    from old_calculations
)

select
    touched_groups.client,
    touched_groups.machine,
    touched_groups.component,
    any_value(calculations.n) as n_before,
    any_value(calculations.calculated_at) as calculated_before,
    count(evaluated_samples.row_id) as n_now,
    count(evaluated_samples.row_id) filter (where evaluated_samples.first_arrived_at > calculations.calculated_at)
        as n_new
from touched_groups
left join calculations
    on
        touched_groups.client = calculations.client
        and touched_groups.machine = calculations.machine
        and touched_groups.component = calculations.component
left join evaluated_samples
    on
        touched_groups.client = evaluated_samples.client
        and touched_groups.machine = evaluated_samples.machineName
        and touched_groups.component = evaluated_samples.componentNameNormalized
group by touched_groups.client, touched_groups.machine, touched_groups.component
