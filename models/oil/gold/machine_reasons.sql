{{ config(materialized='view') }}

-- One row per unit with points: the three breaches of its first component that weigh most, in words.

with

machines as (
    select * from {{ ref('machine_status_current') }}
),

components as (
    select * from {{ ref('component_status_current') }}
),

results as (
    select * from {{ ref('classified_results') }} where status_points > 0
),

phrases as (
    {{ phrases(['reason.breach', 'reason.breach_low']) }}
),

breaches as (
    select
        machines.client,
        machines.unit_id,
        machines.first_component,
        results.essay,
        results.status_points,
        {{ filled_phrase("if(results.direction = 'lower', phrases.reason_breach_low, phrases.reason_breach)", {
            'essay': 'results.essay',
            'value': "concat(results.censoring, coalesce(results.code, "
                ~ number_text('round(results.value, 2)', "'.'") ~ "))",
        }) }} as breach
    from machines
    inner join components
        on
            machines.client = components.client
            and machines.unit_id = components.unit_id
            and machines.first_component = components.component
    inner join results on components.row_id = results.row_id
    cross join phrases
    qualify row_number() over (
        partition by machines.client, machines.unit_id order by results.status_points desc, results.essay asc
    ) <= 3
)

select
    client,
    unit_id,
    first_component,
    string_agg(breach, ', ' order by status_points desc, essay asc) as why
from breaches
group by client, unit_id, first_component
