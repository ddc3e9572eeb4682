{{ config(
    materialized='scope',
    unique_key=['client', 'unit_id'],
    meta={'scope': 'units_to_judge', 'scope_key': ['client', 'unitId']},
    on_schema_change='fail'
) }}

-- One row per unit: its status, from the latest sample of each of its components. What depends on other units of the
-- client is in machine_status_current.

with

components as (
    select * from {{ ref('component_status_current') }}
    where (client, unit_id) in (select (client, unitId) from {{ ref('units_to_judge') }})
),

recommendations as (
    select * from {{ ref('machine_recommendations') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

statuses as (
    select policy_statuses.*
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join active_policy on policy_statuses.policy = active_policy.policy
),

machines as (
    select
        unit_id,
        client,
        strftime(max(sample_timestamp), '%Y-%m-%dT%H:%M:%S') as latest_sample_date,
        cast(sum(points) as bigint) as machine_score,
        count(*) as total_components,
        count(*) filter (where status = 'Normal') as components_normal,
        count(*) filter (where status = 'Alerta') as components_alerta,
        count(*) filter (where status = 'Anormal') as components_anormal,
        '[' || string_agg(
            concat(
                '{"component": ', to_json(component), ', "status": ', to_json(status),
                ', "severity_score": ', severity_score,
                ', "sample_date": "', strftime(sample_timestamp, '%Y-%m-%dT%H:%M:%S'), '"}'
            ), ', '
            order by component
        ) || ']' as component_details,
        count(*) filter (where status = 'Sin evaluar') as components_sin_evaluar,
        count(*) filter (where is_stale) as components_stale,
        coalesce(list(component order by component) filter (where is_stale), []) as stale_components,
        round(sum(points * weight), 1) as weighted_machine_score,
        first(
            component
            order by points * weight desc, classification_score desc, severity_score desc, component asc
        ) filter (where points > 0) as worst_component,
        bool_or(status <> 'Sin evaluar' and not is_stale) as is_evaluated,
        -- The component that the text begins with.
        any_value(component) filter (where place = 1 and points > 0) as first_component,
        any_value(urgency) filter (where place = 1 and points > 0) as urgency,
        any_value(sample_number) filter (where place = 1 and points > 0) as first_sample_number,
        any_value(sample_date) filter (where place = 1 and points > 0) as first_sample_date,
        arg_min(status, list_position(['Anormal', 'Alerta', 'Normal', 'Sin evaluar'], status)) filter (
            where not is_stale
        ) as worst_status,
        max(sample_date) as latest_day,
        list(component order by place) as component_order
    from components
    group by unit_id, client
)

select
    machines.unit_id,
    machines.client,
    machines.latest_sample_date,
    case
        when machines.is_evaluated or active_policy.not_evaluated_status = 'Normal' then statuses.report_status
        else active_policy.not_evaluated_status
    end as overall_status,
    machines.machine_score,
    machines.total_components,
    machines.components_normal,
    machines.components_alerta,
    machines.components_anormal,
    case
        when
            machines.is_evaluated or active_policy.not_evaluated_status = 'Normal'
            then statuses.machine_priority
        else 0
    end as priority_score,
    machines.component_details,
    machines.components_sin_evaluar,
    machines.components_stale,
    machines.stale_components,
    machines.weighted_machine_score,
    machines.worst_component,
    recommendations.machine_ai_recommendation,
    machines.first_component,
    machines.urgency,
    machines.first_sample_number,
    machines.first_sample_date,
    cast(machines.first_sample_date + urgencies.deadline_days as date) as deadline_on,
    coalesce(machines.worst_status, 'Sin evaluar') as worst_status,
    machines.component_order,
    machines.latest_day
from machines
left join {{ ref('urgencies') }} as urgencies on machines.urgency = urgencies.urgency
left join recommendations on machines.client = recommendations.client and machines.unit_id = recommendations.unit_id
cross join active_policy
inner join statuses on machines.machine_score >= statuses.machine_min_score
qualify row_number() over (
    partition by machines.client, machines.unit_id
    order by statuses.machine_min_score desc
) = 1
