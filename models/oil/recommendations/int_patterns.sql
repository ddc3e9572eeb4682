-- One row per judged report that several rules of one urgency and specificity explain: the facts for a model, and the
-- choices of its reply. A model chooses among these rules only. A more urgent or more specific rule decides alone: a
-- pattern of failure does not compete with rules about single essays. The only rule leaves nothing to choose. Only the
-- pattern is sent, and it is the key of a reply. So it has ids of our seeds and bands, but no number and no word of a
-- laboratory.

{#- Rules after the one that decides, and essays that a reply puts in order. -#}
{% set other_rules = 3 %}
{% set named_essays = 5 %}
{#- Steps that a reply may take from one other rule: its first ones, as far as they only look or measure. -#}
{% set lent_steps = 2 %}
{% set longest_comment = 2000 %}

with

reports as (
    select
        status.row_id,
        samples.laboratory,
        samples.labVerdict,
        nullif(left(trim(samples.labComment), {{ longest_comment }}), '') as comment, -- noqa: RF04
        -- A name that only a laboratory knows is not part of a pattern.
        case when components.text is null then 'otro' else status.componentNameNormalized end as component
    from {{ ref('int_report_status') }} as status
    inner join {{ ref('samples') }} as samples on status.row_id = samples.row_id
    left join {{ ref('texts') }} as components on 'component.' || status.componentNameNormalized = components.text_id
),

matched_rules as (
    select
        matched.*,
        expert_rules.generality
    from {{ ref('matched_rules') }} as matched
    inner join reports on matched.row_id = reports.row_id
    inner join {{ ref('expert_rules') }} as expert_rules on matched.rule_id = expert_rules.rule_id
),

rules as (
    -- Ordered by urgency and specificity, so rules of the first rule's come first.
    select rules.*
    from matched_rules as rules
    inner join matched_rules as deciding on rules.row_id = deciding.row_id and deciding.place = 1
    where
        rules.urgency = deciding.urgency
        and rules.generality = deciding.generality
        and rules.place <= {{ 1 + other_rules }}
    qualify count(*) over (partition by rules.row_id) > 1
),

steps as (
    select
        rule_id,
        rule_id || '.step' || step as text_id,
        step,
        kind,
        is_required,
        not bool_or(kind = 'change') over (partition by rule_id)
        and step <= {{ lent_steps }}
        and bool_and(kind in ('verify', 'measure') and is_required) over (partition by rule_id order by step) as is_lent
    from {{ ref('rule_steps') }}
),

steps_of_rules as (
    select
        rule_id,
        list(text_id order by step) filter (where is_required) as required_steps,
        coalesce(list(text_id order by step) filter (where not is_required), []) as other_steps,
        list(text_id order by step) filter (where is_lent) as lent_steps,
        arg_min(kind, step) = 'stop' as begins_with_stop
    from steps
    group by rule_id
),

choices as (
    select
        rules.row_id,
        any_value(rules.urgency) as urgency,
        list(rules.rule_id order by rules.place) as rule_ids,
        any_value(steps_of_rules.required_steps) filter (where rules.place = 1) as required_steps,
        any_value(steps_of_rules.other_steps) filter (where rules.place = 1) as other_steps,
        any_value(steps_of_rules.begins_with_stop) filter (where rules.place = 1) as begins_with_stop,
        coalesce(
            list(steps_of_rules.lent_steps order by rules.place)
            filter (where rules.place > 1 and steps_of_rules.lent_steps is not null),
            []
        ) as lent_steps
    from rules
    inner join steps_of_rules on rules.rule_id = steps_of_rules.rule_id
    group by rules.row_id
),

evidence as (
    select distinct
        row_id,
        unnest(evidence) as essay
    from rules
),

essays as (
    select
        breaches.row_id,
        breaches.essay,
        breaches.rank,
        breaches.status,
        {{ band_of('times', 'breaches.times') }} as times,
        {{ band_of('change', 'breaches.change') }} as change
    from {{ ref('int_breaches') }} as breaches
    inner join evidence on breaches.row_id = evidence.row_id and breaches.essay = evidence.essay
    qualify row_number() over (partition by breaches.row_id order by breaches.place) <= {{ named_essays }}
),

symptoms as (
    select
        row_id,
        list(
            struct_pack(band := status, change := change, essay := essay, times := times)
            order by essay
        ) as essays,
        bool_or(rank = 3) as has_critical,
        bool_or(change in ('rose', 'jumped')) as has_risen
    from essays
    group by row_id
),

meters as (
    select
        row_id,
        any_value({{ band_of('oilMeter', 'value') }}) filter (where fact = 'oilMeter') as oil,
        any_value({{ band_of('componentHours', 'value') }}) filter (where fact = 'componentHours') as component
    from {{ ref('int_facts') }}
    where fact in ('oilMeter', 'componentHours')
    group by row_id
),

hedges as (
    select list(text_id order by text_id) as text_ids
    from {{ ref('texts') }}
    where starts_with(text_id, 'hedge.')
)

select
    reports.row_id,
    reports.comment,
    -- Keys are in alphabetical order, as in canonical JSON. Where a model may see comments, the hash of a comment
    -- replaces the null: see report_recommendations.
    cast(to_json(struct_pack(
        begins_with_stop := choices.begins_with_stop,
        comment := null,
        component := reports.component,
        essays := coalesce(symptoms.essays, []),
        hedges := hedges.text_ids,
        hours := struct_pack(
            component := coalesce(meters.component, 'unknown'), oil := coalesce(meters.oil, 'unknown')
        ),
        lent_steps := choices.lent_steps,
        openings := list_filter(
            [
                'opening.plain',
                'opening.breaches_first',
                if(symptoms.has_critical, 'opening.critical', null),
                if(symptoms.has_risen, 'opening.rising', null),
                if(verdicts.verdict in ('urgent', 'action'), 'opening.laboratory', null)
            ],
            lambda opening: opening is not null
        ),
        other_steps := choices.other_steps,
        required_steps := choices.required_steps,
        rules := choices.rule_ids,
        urgency := choices.urgency,
        verdict := coalesce(verdicts.verdict, 'unknown')
    )) as varchar) as pattern
from reports
inner join choices on reports.row_id = choices.row_id
left join symptoms on reports.row_id = symptoms.row_id
left join meters on reports.row_id = meters.row_id
left join {{ ref('lab_verdicts') }} as verdicts
    on reports.laboratory = verdicts.laboratory and lower(reports.labVerdict) = lower(verdicts.text)
cross join hedges
