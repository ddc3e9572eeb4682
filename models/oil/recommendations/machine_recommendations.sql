-- One row per unit that this run judges: the component to look at first, the reason, and the next component.
-- Components come in their place, the strictest deadline first. Compartments of one oil are one alarm: the others are
-- named with the one that carries it. A deadline counts from the day of the sample. A component is named by its family
-- and by the words of the laboratory's name for its position. No other word of a laboratory is in a text.

{#- How many components a text names after the first. -#}
{% set named_components = 3 %}

with

components as (
    select *
    from {{ ref('component_status_current') }}
    where (client, unit_id) in (select (client, unitId) from {{ ref('units_to_judge') }})
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'machine.first', 'machine.then', 'machine.item', 'machine.more', 'machine.normal', 'machine.not_evaluated',
        'machine.stale', 'machine.stale_item', 'machine.nothing', 'machine.same_oil', 'machine.same_oil_item',
        'component.otro'
    ]) }}
),

words as (
    select
        component,
        unnest(string_split({{ plain_name('component') }}, ' ')) as word,
        generate_subscripts(string_split({{ plain_name('component') }}, ' '), 1) as word_number
    from (select distinct component from components) as distinct_components
),

positions as (
    select
        words.component,
        string_agg(texts.text, ' ' order by words.word_number) as position -- noqa: RF04
    from words
    inner join texts on 'position.' || words.word = texts.text_id
    group by words.component
),

named as (
    select
        components.*,
        phrases.*,
        concat_ws(' ', coalesce(families.text, phrases.component_otro), positions.position) as name, -- noqa: RF04
        status_texts.text as status_text,
        strftime(components.sample_date + urgencies.deadline_days, '%Y-%m-%d') as due
    from components
    cross join phrases
    inner join texts as status_texts on 'status.' || components.status = status_texts.text_id
    left join texts as families on 'component.' || components.component_family = families.text_id
    left join positions on components.component = positions.component
    left join {{ ref('urgencies') }} as urgencies on components.urgency = urgencies.urgency
),

-- Compartments in alarm whose oil another one carries.
same_oils as (
    select
        client,
        unit_id,
        carried_by as component,
        string_agg(name || ' (' || status_text || ')', ', ' order by place) as components
    from named
    where carried_by is not null
    group by client, unit_id, carried_by
),

spoken as (
    select
        named.*,
        named.points > 0 as is_in_alarm,
        {{ filled_phrase('named.machine_first', {
            'status': 'named.status_text', 'date': "strftime(named.sample_date, '%Y-%m-%d')",
            'breaches': "coalesce(named.first_breaches, '')", 'cause': "coalesce(rules.cause, '')",
            'deadline': "coalesce(" ~ filled_phrase('dues.text', {'due': 'named.due'}) ~ ", deadlines.text, '')",
            'action': "coalesce(rules.action, '')", 'component': 'named.name',
        }) }} as as_first,
        {{ filled_phrase('named.machine_same_oil', {'components': 'same_oils.components'}) }} as same_oil,
        {{ filled_phrase('named.machine_item', {
            'status': 'named.status_text', 'component': 'named.name',
            'name': "concat(coalesce(rules.name, ''), "
                ~ filled_phrase('named.machine_same_oil_item', {'components': 'same_oils.components'}) ~ ")",
        }) }} as as_item,
        -- The urgency is that of the last report, which has one in alarm only.
        case
            when named.urgency is null then named.name
            else {{ filled_phrase('named.machine_stale_item', {
                'status': 'named.status_text', 'component': 'named.name'
            }) }}
        end as as_stale
    from named
    left join {{ ref('expert_rule_texts') }} as rules on named.first_rule = rules.rule_id
    left join texts as deadlines on 'deadline.' || named.urgency = deadlines.text_id
    left join texts as dues on 'due.' || named.urgency = dues.text_id
    left join same_oils
        on
            named.client = same_oils.client
            and named.unit_id = same_oils.unit_id
            and named.component = same_oils.component
),

machines as (
    select
        client,
        unit_id,
        any_value(concat_ws(' ', as_first, same_oil)) filter (where place = 1 and is_in_alarm) as first_component,
        string_agg(as_item, '; ' order by place) filter (
            where is_in_alarm and place between 2 and {{ 1 + named_components }}
        ) as next_components,
        cast(count(*) filter (where is_in_alarm and place > {{ 1 + named_components }}) as varchar) as more,
        cast(count(*) filter (where status = 'Normal' and not is_stale) as varchar) as normal_components,
        string_agg(name, ', ' order by name) filter (where status = 'Sin evaluar' and not is_stale) as not_evaluated,
        string_agg(as_stale, ', ' order by urgency asc nulls last, name asc) filter (where is_stale) as stale,
        any_value(machine_then) as machine_then,
        any_value(machine_normal) as machine_normal,
        any_value(machine_not_evaluated) as machine_not_evaluated,
        any_value(machine_stale) as machine_stale,
        any_value(machine_nothing) as machine_nothing,
        any_value(machine_more) as machine_more
    from spoken
    group by client, unit_id
),

counted as (
    select
        *,
        case
            when more <> '0'
                then concat_ws(' ', next_components, {{ filled_phrase('machine_more', {'count': 'more'}) }})
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
