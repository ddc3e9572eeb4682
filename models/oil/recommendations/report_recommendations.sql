{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged report: what the expert rules make of it, as a text, and what a reply of a model is rendered with.
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

rule_texts as (
    select * from {{ ref('expert_rule_texts') }}
),

breach_lists as (
    select * from {{ ref('int_breach_lists') }}
),

patterns as (
    select * from {{ ref('int_patterns') }}
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    {{ phrases([
        'opening.plain', 'report.also', 'fixed.normal', 'fixed.marginal', 'fixed.additives', 'fixed.not_evaluated',
        'fixed.not_evaluated_breached', 'component.otro'
    ]) }}
),

explained as (
    select
        rules.row_id,
        list(rules.rule_id order by rules.place) as rule_ids,
        arg_min(rules.rule_id, rules.place) as first_rule,
        arg_min(rules.urgency, rules.place) as urgency,
        arg_min(rule_texts.cause, rules.place) as cause,
        arg_min(rule_texts.action, rules.place) as action, -- noqa: RF04
        arg_min(deadlines.text, rules.place) as deadline,
        string_agg(rule_texts.name, '; ' order by rules.place) filter (
            where rules.place between 2 and {{ 1 + named_rules }}
        ) as other_names
    from rules
    inner join rule_texts on rules.rule_id = rule_texts.rule_id
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
        patterns.pattern,
        patterns.comment,
        explained.* exclude (row_id),
        breach_lists.* exclude (row_id),
        coalesce(components.text, phrases.component_otro) as component,
        status_texts.text as status_text,
        phrases.*
    from reports
    cross join phrases
    inner join texts as status_texts on 'status.' || reports.report_status = status_texts.text_id
    left join explained on reports.row_id = explained.row_id
    left join breach_lists on reports.row_id = breach_lists.row_id
    left join patterns on reports.row_id = patterns.row_id
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
    component,
    status_text,
    case when rule_ids is not null then first_breaches end as first_breaches,
    case when pattern is not null then breach_list end as breach_list,
    pattern,
    -- A pattern has ids and bands of our own, so its null stands there once.
    replace(pattern, '"comment":null', '"comment":' || coalesce('"' || sha256(comment) || '"', 'null'))
        as commented_pattern,
    comment,
    case when rule_ids is null then 'fixed' else 'rules' end as source,
    case
        when rule_ids is not null
            then concat_ws(
                ' ',
                {{ filled_phrase('opening_plain', {
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
