-- One row per unit that this run judges: which component to look at first, why, and what comes next.
-- The strictest deadline comes first; of equal ones components are weighed as in the machine's weighted score: points
-- of the status times criticality of the family. A component is called by its family and by those words of the
-- laboratory's name that say where it is: nothing else that a laboratory wrote gets into a text.

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
        ) as place
    from {{ ref('component_status_current') }}
    where (client, unit_id) in (select (client, unitId) from {{ ref('samples_to_judge') }})
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'machine.first', 'machine.then', 'machine.item', 'machine.more', 'machine.normal', 'machine.not_evaluated',
        'machine.stale', 'machine.stale_item', 'machine.nothing', 'component.otro'
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
        status_texts.text as status_text
    from components
    cross join phrases
    inner join texts as status_texts on 'status.' || components.status = status_texts.text_id
    left join texts as families on 'component.' || components.component_family = families.text_id
    left join positions on components.component = positions.component
),

spoken as (
    select
        named.*,
        named.points > 0 as is_in_alarm,
        {{ filled_phrase('named.machine_first', {
            'status': 'named.status_text', 'date': "strftime(named.sample_date, '%Y-%m-%d')",
            'breaches': "coalesce(named.first_breaches, '')", 'cause': "coalesce(rules.cause, '')",
            'deadline': "coalesce(deadlines.text, '')", 'action': "coalesce(rules.action, '')",
            'component': 'named.name',
        }) }} as as_first,
        {{ filled_phrase('named.machine_item', {
            'status': 'named.status_text', 'name': "coalesce(rules.name, '')", 'component': 'named.name'
        }) }} as as_item,
        -- Its urgency is that of its last report, which was in alarm if it has one.
        case
            when named.urgency is null then named.name
            else {{ filled_phrase('named.machine_stale_item', {
                'status': 'named.status_text', 'component': 'named.name'
            }) }}
        end as as_stale
    from named
    left join {{ ref('expert_rule_texts') }} as rules on named.first_rule = rules.rule_id
    left join texts as deadlines on 'deadline.' || named.urgency = deadlines.text_id
),

machines as (
    select
        client,
        unit_id,
        any_value(as_first) filter (where place = 1 and is_in_alarm) as first_component,
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
