-- One row per unit that this run judges: which component to look at first, why, and what comes next.
-- The strictest deadline comes first; of equal ones components are weighed as in the machine's weighted score: points
-- of the status times criticality of the family.

{#- How many components a text names after the first. -#}
{% set named_components = 3 %}

with

components as (
    select
        *,
        points * weight as weighted_points,
        row_number() over (
            partition by client, unit_id
            order by
                points > 0 desc,
                urgency asc nulls last,
                points * weight desc,
                classification_score desc,
                severity_score desc,
                component asc
        ) as place,
        -- A laboratory writes these names: no text grows with them.
        translate(left(component, 60), '{}', '') as name
    from {{ ref('component_status_current') }}
    where (client, unit_id) in (select (client, unitId) from {{ ref('samples_to_judge') }})
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'machine.first', 'machine.then', 'machine.item', 'machine.normal', 'machine.not_evaluated', 'machine.stale',
        'machine.nothing', 'report.more'
    ]) }}
),

spoken as (
    select
        components.client,
        components.unit_id,
        components.place,
        components.name,
        components.points > 0 as is_in_alarm,
        components.is_stale,
        components.status,
        {{ filled_phrase('phrases.machine_first', {
            'status': 'status_texts.text', 'cause': "coalesce(causes.text, '')",
            'deadline': "coalesce(deadlines.text, '')", 'component': 'components.name',
        }) }} as as_first,
        {{ filled_phrase('phrases.machine_item', {
            'status': 'status_texts.text', 'name': "coalesce(names.text, '')", 'component': 'components.name'
        }) }} as as_item,
        phrases.* exclude (machine_first, machine_item)
    from components
    cross join phrases
    inner join texts as status_texts on 'status.' || components.status = status_texts.text_id
    left join texts as names on components.first_rule || '.name' = names.text_id
    left join texts as causes on components.first_rule || '.cause' = causes.text_id
    left join texts as deadlines on 'deadline.' || components.urgency = deadlines.text_id
),

machines as (
    select
        client,
        unit_id,
        any_value(as_first) filter (where place = 1 and is_in_alarm) as first_component,
        string_agg(as_item, ', ' order by place) filter (
            where is_in_alarm and place between 2 and {{ 1 + named_components }}
        ) as next_components,
        cast(count(*) filter (where is_in_alarm and place > {{ 1 + named_components }}) as varchar) as more,
        cast(count(*) filter (where status = 'Normal' and not is_stale) as varchar) as normal_components,
        string_agg(name, ', ' order by name) filter (where status = 'Sin evaluar' and not is_stale) as not_evaluated,
        string_agg(name, ', ' order by name) filter (where is_stale) as stale,
        any_value(machine_then) as machine_then,
        any_value(machine_normal) as machine_normal,
        any_value(machine_not_evaluated) as machine_not_evaluated,
        any_value(machine_stale) as machine_stale,
        any_value(machine_nothing) as machine_nothing,
        any_value(report_more) as report_more
    from spoken
    group by client, unit_id
),

counted as (
    select
        *,
        case
            when more <> '0' then concat_ws(' ', next_components, {{ filled_phrase('report_more', {'count': 'more'}) }})
            else next_components
        end as and_more
    from machines
)

select
    client,
    unit_id,
    concat_ws(
        ' ',
        case
            when first_component is not null then first_component
            when normal_components <> '0' then {{ filled_phrase('machine_normal', {'count': 'normal_components'}) }}
            else machine_nothing
        end,
        {{ filled_phrase('machine_then', {'components': 'and_more'}) }},
        {{ filled_phrase('machine_not_evaluated', {'components': 'not_evaluated'}) }},
        {{ filled_phrase('machine_stale', {'components': 'stale'}) }}
    ) as machine_ai_recommendation
from counted
