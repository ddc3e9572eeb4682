{{ config(materialized='view') }}

-- One row per unit: its status today, and whether it was sampled recently. As a view, it follows the newest sample of
-- the client, which changes units that a run does not touch.

with

machines as (
    select * from {{ ref('judged_machines') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

phrases as (
    {{ phrases(['machine.overdue', 'machine.not_recent']) }}
),

aged as (
    select
        *,
        max(latest_day) over (partition by client) as newest_day,
        date_diff('day', latest_day, max(latest_day) over (partition by client)) as days_behind_client
    from machines
),

judged as (
    select
        aged.*,
        coalesce(aged.days_behind_client <= active_policy.machine_stale_after_days, true) as is_recent
    from aged
    cross join active_policy
)

select
    judged.unit_id,
    judged.client,
    judged.latest_sample_date,
    judged.overall_status,
    judged.machine_score,
    judged.total_components,
    judged.components_normal,
    judged.components_alerta,
    judged.components_anormal,
    judged.priority_score,
    judged.component_details,
    judged.components_sin_evaluar,
    judged.components_stale,
    judged.stale_components,
    judged.weighted_machine_score,
    judged.worst_component,
    concat_ws(
        ' ',
        case
            when not judged.is_recent then {{ filled_phrase('phrases.machine_not_recent', {
                'date': "strftime(judged.latest_day, '%Y-%m-%d')", 'days': 'cast(judged.days_behind_client as varchar)'
            }) }}
        end,
        case
            when judged.deadline_on < judged.newest_day
                then {{ filled_phrase('phrases.machine_overdue', {'due': "strftime(judged.deadline_on, '%Y-%m-%d')"}) }}
        end,
        judged.machine_ai_recommendation
    ) as machine_ai_recommendation,
    judged.first_component,
    judged.urgency,
    judged.first_sample_number,
    judged.first_sample_date,
    judged.deadline_on,
    judged.worst_status,
    judged.days_behind_client,
    judged.is_recent,
    judged.component_order
from judged
cross join phrases
