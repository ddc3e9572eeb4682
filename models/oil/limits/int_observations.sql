{{ config(materialized='view') }}

-- One row per judged sample × essay that has percentile limits under the policy of this run; groups go by number.

with

evaluated_samples as (
    select * from {{ ref('int_evaluated_samples') }}
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
    cast(evaluated_samples.group_number as integer) as group_number,
    cast(essays.position as integer) as essay_number,
    cast(evaluated_samples.unit_number as integer) as unit_number,
    results.calculation_value as value,
    coalesce(results.censoring = '<', false) as is_nondetect
from evaluated_samples
cross join active_policy
inner join results on evaluated_samples.row_id = results.row_id
inner join policy_essays on active_policy.policy = policy_essays.policy and results.essay = policy_essays.essay
inner join essays on results.essay = essays.essay
where evaluated_samples.is_judged and results.calculation_value is not null
