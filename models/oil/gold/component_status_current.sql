{{ config(
    materialized='scope',
    unique_key=['client', 'unit_id'],
    meta={'scope': 'units_to_judge', 'scope_key': ['client', 'unitId']}
) }}

-- One row per unit × component: the status of its latest sample, and whether that sample is too old to count today.

with

reports as (
    select * from {{ ref('judged_reports') }}
    where (client, unitId) in (select (client, unitId) from {{ ref('units_to_judge') }})
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
    -- Of samples of the last day with the greatest full timestamp, the first in the file.
    select *
    from reports
    qualify row_number() over (
        partition by client, unitId, componentName
        order by sampleDate desc, sampleTimestamp desc, sourceFile asc, sourceSheet asc, sourceRow asc
    ) = 1
),

aged as (
    select
        *,
        date_diff('day', sampleDate, max(sampleDate) over (partition by client, unitId)) as days_behind_unit
    from latest
),

judged as (
    select
        aged.*,
        coalesce(aged.days_behind_unit > active_policy.stale_after_days, false) as is_stale,
        coalesce(component_families.weight, 0.5) as weight,
        case
            when coalesce(aged.days_behind_unit > active_policy.stale_after_days, false) then 0
            else coalesce(statuses.component_points, 0)
        end as own_points,
        if(active_policy.counts_oil_once, coalesce(aged.sump, aged.componentName), aged.componentName) as oil,
        recommendations.urgency,
        recommendations.first_rule,
        recommendations.first_breaches
    from aged
    cross join active_policy
    left join statuses on aged.report_status = statuses.report_status
    left join component_families on aged.componentNameNormalized = component_families.component
    left join recommendations on aged.row_id = recommendations.row_id
),

-- One oil is one alarm: of compartments in alarm that share their oil, one has the points.
carried as (
    select
        *,
        first_value(componentName) over (
            partition by client, unitId, oil, own_points > 0
            order by {{ alarm_order('own_points', 'componentName') }}
        ) as carrier
    from judged
),

counted as (
    select
        *,
        case when own_points > 0 and carrier <> componentName then carrier end as carried_by,
        if(carrier = componentName, own_points, 0) as points
    from carried
)

select
    client,
    unitId as unit_id,
    componentName as component,
    componentNameNormalized as component_family,
    sampleNumber as sample_number,
    sampleDate as sample_date,
    sampleTimestamp as sample_timestamp,
    report_status as status,
    severity_score,
    classification_score,
    breached_essays,
    days_behind_unit,
    is_stale,
    weight,
    points,
    urgency,
    first_rule,
    first_breaches,
    row_id,
    sump,
    carried_by,
    row_number() over (
        partition by client, unitId
        order by points > 0 desc, {{ alarm_order('points', 'componentName') }}
    ) as place
from counted
