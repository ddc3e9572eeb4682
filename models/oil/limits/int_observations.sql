{{ config(materialized='view') }}

-- One row per judged sample × essay that has percentile limits under the policy of this run, in the families of the
-- groups whose limits are calculated: client × component. Groups and units are numbered.

with

recalculated_groups as (
    select * from {{ ref('limit_decisions') }} where is_recalculated
),

evaluated_samples as (
    select
        *,
        dense_rank() over (order by client, unitId) - 1 as unit_number,
        dense_rank() over (order by client, machineName, machineModel, componentNameNormalized) - 1 as group_number
    from {{ ref('int_evaluated_samples') }}
    where is_judged and (client, componentNameNormalized) in (select (client, component) from recalculated_groups)
),

results as (
    select * from {{ ref('results') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

policy_essays as (
    select * from {{ ref('policy_essays') }}
),

essays as (
    select * from {{ ref('essays') }}
)

select
    evaluated_samples.client,
    evaluated_samples.machineName as machine,
    evaluated_samples.machineModel as machine_model,
    evaluated_samples.componentNameNormalized as component,
    cast(evaluated_samples.group_number as integer) as group_number,
    cast(dense_rank() over (order by essays.position, results.unit) - 1 as integer) as essay_number,
    results.essay,
    results.unit,
    cast(evaluated_samples.unit_number as integer) as unit_number,
    results.calculation_value as value,
    coalesce(results.censoring = '<', false) as is_nondetect
from evaluated_samples
cross join active_policy
inner join results on evaluated_samples.row_id = results.row_id
inner join policy_essays on active_policy.policy = policy_essays.policy and results.essay = policy_essays.essay
inner join essays on results.essay = essays.essay
where results.calculation_value is not null
