{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged report: what the expert rules make of it, as a text and as the pattern that a wording depends on.
-- A report in alarm says what is seen, why probably, and what to do by when; others have a fixed text.
-- depends_on: {{ ref('samples_to_judge') }}

{#- How many rules a text names after the one that decides. -#}
{% set named_rules = 2 %}

with

reports as (
    select * from {{ ref('int_report_status') }}
),

rules as (
    select matched_rules.*
    from {{ ref('matched_rules') }} as matched_rules
    inner join reports on matched_rules.row_id = reports.row_id
),

breach_lists as (
    select * from {{ ref('int_breach_lists') }}
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'report.seen', 'report.others', 'report.also', 'fixed.normal', 'fixed.marginal', 'fixed.additives',
        'fixed.not_evaluated', 'fixed.not_evaluated_breached', 'component.otro'
    ]) }}
),

explained as (
    select
        rules.row_id,
        list(rules.rule_id order by rules.place) as rule_ids,
        arg_min(rules.rule_id, rules.place) as first_rule,
        arg_min(rules.urgency, rules.place) as urgency,
        arg_min(causes.text, rules.place) as cause,
        arg_min(actions.text, rules.place) as action, -- noqa: RF04
        arg_min(deadlines.text, rules.place) as deadline,
        string_agg(names.text, '; ' order by rules.place) filter (
            where rules.place between 2 and {{ 1 + named_rules }}
        ) as other_names
    from rules
    inner join texts as names on rules.rule_id || '.name' = names.text_id
    inner join texts as causes on rules.rule_id || '.cause' = causes.text_id
    inner join texts as actions on rules.rule_id || '.action' = actions.text_id
    inner join texts as deadlines on 'deadline.' || rules.urgency = deadlines.text_id
    group by rules.row_id
),

spoken as (
    select
        reports.row_id,
        reports.client,
        reports.laboratory,
        reports.sampleNumber,
        reports.report_status,
        explained.* exclude (row_id),
        breach_lists.* exclude (row_id),
        coalesce(components.text, phrases.component_otro) as component,
        -- A name that only a laboratory knows is no part of a pattern.
        case when components.text is null then 'otro' else reports.componentNameNormalized end as component_family,
        status_texts.text as status_text,
        phrases.*
    from reports
    cross join phrases
    inner join texts as status_texts on 'status.' || reports.report_status = status_texts.text_id
    left join explained on reports.row_id = explained.row_id
    left join breach_lists on reports.row_id = breach_lists.row_id
    left join texts as components on 'component.' || reports.componentNameNormalized = components.text_id
)

select
    client,
    laboratory,
    sampleNumber,
    row_id,
    coalesce(rule_ids, []) as rule_ids,
    urgency,
    first_rule,
    deadline,
    case
        when rule_ids is not null
            then concat(
                '{"component":', to_json(component_family),
                ',"only_additives":', is_only_additives,
                ',"rules":', to_json([first_rule]),
                ',"slots":', to_json(coalesce(list_sort(list_transform(slots, lambda slot: slot.name)), [])),
                '}'
            )
    end as pattern,
    coalesce(slots, []) as slots,
    case when rule_ids is not null then first_breaches end as first_breaches,
    case when other_breaches <> '' then {{ filled_phrase('report_others', {'breaches': 'other_breaches'}) }} end
        as other_breaches,
    case when rule_ids is null then 'fixed' else 'rules' end as source,
    case
        when rule_ids is not null
            then concat_ws(
                ' ',
                {{ filled_phrase('report_seen', {
                    'component': 'component', 'status': 'status_text', 'breaches': 'breaches'
                }) }},
                cause,
                deadline,
                action,
                {{ filled_phrase('report_also', {'names': 'other_names'}) }}
            )
        when report_status = 'Sin evaluar' and breaches <> ''
            then {{ filled_phrase('fixed_not_evaluated_breached', {'breaches': 'breaches'}) }}
        when report_status = 'Sin evaluar' then fixed_not_evaluated
        when is_only_additives then {{ filled_phrase('fixed_additives', {'breaches': 'breaches'}) }}
        when breaches <> '' then {{ filled_phrase('fixed_marginal', {'breaches': 'breaches'}) }}
        else fixed_normal
    end as text -- noqa: RF04
from spoken
