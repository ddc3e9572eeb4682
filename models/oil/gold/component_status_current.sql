{{ config(
    materialized='scope',
    unique_key=['client', 'unit_id'],
    meta={'scope': 'samples_to_judge', 'scope_key': ['client', 'unitId']}
) }}

-- One row per unit × component: the status of its latest sample, and whether that sample is too old to speak for today.

with

reports as (
    select * from {{ ref('classified_reports') }}
    where (client, unitId) in (select (client, unitId) from {{ ref('samples_to_judge') }})
),

recommendations as (
    select * from {{ ref('report_recommendations') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

component_families as (
    select * from {{ ref('component_families') }}
),

statuses as (
    select policy_statuses.*
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join active_policy on policy_statuses.policy = active_policy.policy
),

latest as (
    -- The first in the file of those with the greatest full timestamp.
    select *
    from reports
    qualify row_number() over (
        partition by client, unitId, componentName
        order by sampleTimestamp desc, sourceFile asc, sourceSheet asc, sourceRow asc
    ) = 1
),

aged as (
    select
        *,
        date_diff('day', sampleDate, max(sampleDate) over (partition by client, unitId)) as days_behind_unit
    from latest
)

select
    aged.client,
    aged.unitId as unit_id,
    aged.componentName as component,
    aged.componentNameNormalized as component_family,
    aged.sampleNumber as sample_number,
    aged.sampleDate as sample_date,
    aged.sampleTimestamp as sample_timestamp,
    aged.report_status as status,
    aged.severity_score,
    aged.classification_score,
    aged.breached_essays,
    aged.days_behind_unit,
    coalesce(aged.days_behind_unit > active_policy.stale_after_days, false) as is_stale,
    coalesce(component_families.weight, 0.5) as weight,
    case
        when coalesce(aged.days_behind_unit > active_policy.stale_after_days, false) then 0
        else coalesce(statuses.component_points, 0)
    end as points,
    recommendations.urgency,
    recommendations.first_rule,
    recommendations.first_breaches
from aged
cross join active_policy
left join statuses on aged.report_status = statuses.report_status
left join component_families on aged.componentNameNormalized = component_families.component
left join recommendations
    on
        aged.client = recommendations.client
        and aged.laboratory = recommendations.laboratory
        and aged.sampleNumber = recommendations.sampleNumber
