{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged report: the text of the expert rules, and the parts of which a model's reply is rendered.
-- A report in alarm says what is seen, how it compares with the sample before, why probably, and what to do by when.
-- Others have a fixed text. The rule that decided the sample before changes words only: no rule depends on it.
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
        'fixed.not_evaluated_breached', 'component.otro', 'note.again', 'note.falls', 'note.falls_newer_oil',
        'note.rises', 'note.rises_newer_oil', 'note.rises_with_hours', 'note.recovers', 'note.replaced',
        'note.running_in', 'note.oil_changed'
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
        arg_min(rule_texts.advises_change, rules.place) as advises_change,
        arg_min(rule_texts.compares_same_oil, rules.place) as compares_same_oil,
        arg_min(deadlines.text, rules.place) as deadline,
        string_agg(rule_texts.name, '; ' order by rules.place) filter (
            where rules.place between 2 and {{ 1 + named_rules }}
        ) as other_names,
        any_value(rule_texts.name) filter (where rules.place = 2) as next_name
    from rules
    inner join rule_texts on rules.rule_id = rule_texts.rule_id
    inner join texts as deadlines on 'deadline.' || rules.urgency = deadlines.text_id
    group by rules.row_id
),

histories as (
    select
        samples.row_id,
        {{ is_another_component('previous', 'samples') }} as is_replaced,
        {{ has_newer_oil('previous', 'samples') }} as has_newer_oil,
        samples.oilChanged = 'Y' as is_oil_changed,
        {{ band_of('machineHours', 'samples.machineHours') }} = 'running_in'
        and {{ tells_age_of_machine('previous', 'samples') }} as is_running_in,
        deciding.rule_id as previous_rule
    from {{ ref('samples') }} as samples
    inner join explained on samples.row_id = explained.row_id
    left join {{ ref('samples') }} as previous on samples.previous_row_id = previous.row_id
    left join {{ ref('matched_rules') }} as deciding on samples.previous_row_id = deciding.row_id and deciding.place = 1
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
        histories.* exclude (row_id),
        breach_lists.* exclude (row_id),
        coalesce(components.text, phrases.component_otro) as component,
        status_texts.text as status_text,
        phrases.*
    from reports
    cross join phrases
    inner join texts as status_texts on 'status.' || reports.report_status = status_texts.text_id
    left join explained on reports.row_id = explained.row_id
    left join histories on reports.row_id = histories.row_id
    left join breach_lists on reports.row_id = breach_lists.row_id
    left join patterns on reports.row_id = patterns.row_id
    left join texts as components on 'component.' || reports.componentNameNormalized = components.text_id
),

noted as (
    select
        *,
        concat_ws(
            ' ',
            case when first_rule = previous_rule and is_replaced is not true then note_again end,
            case
                when trend = 'fell' and has_newer_oil then note_falls_newer_oil
                when trend = 'fell' then note_falls
                when trend = 'rose' and has_newer_oil then note_rises_newer_oil
                when trend = 'rose' and rate = 'steady' then note_rises_with_hours
                when trend = 'rose' then note_rises
                when trend = 'recovers' then note_recovers
            end,
            case when is_replaced then note_replaced end,
            case when is_running_in then note_running_in end,
            case when is_oil_changed and advises_change then note_oil_changed end
        ) as note
    from spoken
),

said as (
    select
        *,
        {{ filled_phrase('opening_plain', {
            'component': 'component', 'status': 'status_text', 'breaches': 'breaches'
        }) }} as opening,
        nullif(note, '') as said_note,
        concat_ws(' ', cause, deadline, action) as advice,
        {{ filled_phrase('report_also', {'names': 'other_names'}) }} as also,
        {{ filled_phrase('report_also', {'names': 'next_name'}) }} as also_next,
        -- What there are not enough words for is left out.
        concat_ws(' ', opening, said_note, advice, also) as whole_text,
        concat_ws(' ', opening, said_note, advice, also_next) as text_with_one_name,
        concat_ws(' ', opening, said_note, advice) as text_without_names,
        concat_ws(' ', opening, advice) as text_without_note,
        concat_ws(
            ' ',
            {{ filled_phrase('opening_plain', {
                'component': 'component', 'status': 'status_text', 'breaches': 'short_breaches'
            }) }},
            advice
        ) as text_with_two_values
    from noted
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
    said_note as note,
    pattern,
    -- A pattern has only our ids and bands, so it has one null.
    replace(pattern, '"comment":null', '"comment":' || coalesce('"' || sha256(comment) || '"', 'null'))
        as commented_pattern,
    comment,
    case when rule_ids is null then 'fixed' else 'rules' end as source,
    case
        when rule_ids is not null and {{ short_enough('whole_text') }} then whole_text
        when rule_ids is not null and {{ short_enough('text_with_one_name') }} then text_with_one_name
        when rule_ids is not null and {{ short_enough('text_without_names') }} then text_without_names
        when rule_ids is not null and {{ short_enough('text_without_note') }} then text_without_note
        when rule_ids is not null then text_with_two_values
        when report_status = 'Sin evaluar' and breaches <> ''
            then {{ filled_phrase('fixed_not_evaluated_breached', {'breaches': 'breaches'}) }}
        when report_status = 'Sin evaluar' then fixed_not_evaluated
        when is_only_additives then {{ filled_phrase('fixed_additives', {'breaches': 'breaches'}) }}
        when breaches <> '' then {{ filled_phrase('fixed_marginal', {'breaches': 'breaches'}) }}
        else fixed_normal
    end as text, -- noqa: RF04
    -- Of what decides. A rule that compares with the same oil says it itself.
    coalesce(same_oil_agrees and not compares_same_oil, false) as is_confirmed
from said
