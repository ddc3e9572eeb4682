{{ config(materialized='incremental', unique_key=['row_id'], meta={'scope': 'samples_to_judge'}) }}

-- One row per judged report: what the expert rules make of it, as a text and as the pattern that a wording depends on.
-- A report in alarm says what is seen, why probably, and what to do by when; others have a fixed text.
-- depends_on: {{ ref('samples_to_judge') }}

{#- How many rules a wording is about, breaches a text lists, and further rules it names. -#}
{% set worded_rules, listed_breaches, named_rules = 1, 6, 2 %}

with

reports as (
    select * from {{ ref('int_report_status') }}
),

rules as (
    select matched_rules.*
    from {{ ref('matched_rules') }} as matched_rules
    inner join reports on matched_rules.row_id = reports.row_id
),

breaches as (
    select * from {{ ref('int_breaches') }}
),

texts as (
    select * from {{ ref('texts') }}
),

phrases as (
    select
        {% for phrase in [
            'report.seen', 'report.others', 'report.also', 'report.more', 'breach.limit', 'breach.code',
            'fixed.normal', 'fixed.marginal', 'fixed.additives', 'fixed.not_evaluated', 'component.otro'
        ] -%}
            any_value(text) filter (where text_id = '{{ phrase }}') as {{ phrase | replace('.', '_') }}
            {{- ',' if not loop.last }}
    {% endfor %}
    from texts
),

explained as (
    select
        rules.row_id,
        list(rules.rule_id order by rules.place) as rule_ids,
        any_value(rules.urgency) filter (where rules.place = 1) as urgency,
        any_value(rules.rule_id) filter (where rules.place = 1) as first_rule,
        any_value(causes.text) filter (where rules.place = 1) as cause,
        any_value(actions.text) filter (where rules.place = 1) as action, -- noqa: RF04
        any_value(deadlines.text) filter (where rules.place = 1) as deadline,
        string_agg(distinct names.text, ', ') filter (
            where rules.place between 2 and {{ 1 + named_rules }}
        ) as other_names,
        list_distinct(flatten(list(rules.evidence) filter (where rules.place <= {{ worded_rules }}))) as evidence
    from rules
    inner join texts as names on rules.rule_id || '.name' = names.text_id
    inner join texts as causes on rules.rule_id || '.cause' = causes.text_id
    inner join texts as actions on rules.rule_id || '.action' = actions.text_id
    inner join texts as deadlines on 'deadline.' || rules.urgency = deadlines.text_id
    group by rules.row_id
),

named as (
    select
        breaches.*,
        coalesce(list_contains(explained.evidence, breaches.essay), false) as is_evidence,
        {{ filled_phrase('if(breaches.limit_text is null, phrases.breach_code, phrases.breach_limit)', {
            'essay': 'breaches.essay', 'value': 'breaches.value_text', 'band': 'breaches.band_text',
            'limit': "coalesce(breaches.limit_text, '')",
        }) }} as item
    from breaches
    cross join phrases
    left join explained on breaches.row_id = explained.row_id
),

placed as (
    select
        *,
        row_number() over (partition by row_id order by rank desc, status_points desc, essay asc) as place,
        row_number() over (partition by row_id, is_evidence order by rank desc, status_points desc, essay asc)
            as place_of_kind
    from named
),

listed as (
    -- Every critical breach is named, however many there are.
    select
        row_id,
        list(item order by place) filter (where place <= {{ listed_breaches }} or rank = 3) as items,
        cast(count(*) filter (where place > {{ listed_breaches }} and rank < 3) as varchar) as more,
        list(item order by place) filter (
            where not is_evidence and (place_of_kind <= {{ listed_breaches }} or rank = 3)
        ) as other_items,
        cast(count(*) filter (
            where not is_evidence and place_of_kind > {{ listed_breaches }} and rank < 3
        ) as varchar) as more_others,
        bool_and(essay_group = 'Aditivo') as is_only_additives,
        list(struct_pack(name := essay || '.value', text := value_text) order by essay)
        filter (where is_evidence) as value_slots,
        list(
            struct_pack(name := essay || '.limit', text := concat_ws(' ', limit_text, nullif(unit_text, '')))
            order by essay
        )
        filter (where is_evidence and limit_text is not null) as limit_slots
    from placed
    group by row_id
),

spoken as (
    select
        reports.row_id,
        reports.client,
        reports.laboratory,
        reports.sampleNumber,
        reports.report_status,
        explained.* exclude (row_id, evidence),
        listed.is_only_additives,
        list_concat(listed.value_slots, listed.limit_slots) as slots,
        concat_ws(
            ' ', array_to_string(listed.items, ', '),
            case when listed.more <> '0' then {{ filled_phrase('phrases.report_more', {'count': 'listed.more'}) }} end
        ) as breaches,
        concat_ws(
            ' ', array_to_string(listed.other_items, ', '),
            case
                when listed.more_others <> '0'
                    then {{ filled_phrase('phrases.report_more', {'count': 'listed.more_others'}) }}
            end
        ) as other_breaches,
        coalesce(components.text, phrases.component_otro) as component,
        case when components.text is null then 'otro' else reports.componentNameNormalized end as component_family,
        status_texts.text as status_text,
        phrases.*
    from reports
    cross join phrases
    left join explained on reports.row_id = explained.row_id
    left join listed on reports.row_id = listed.row_id
    left join texts as components on 'component.' || reports.componentNameNormalized = components.text_id
    left join texts as status_texts on 'status.' || reports.report_status = status_texts.text_id
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
                ',"rules":', to_json(list_slice(rule_ids, 1, {{ worded_rules }})),
                ',"slots":', to_json(coalesce(list_sort(list_transform(slots, lambda slot: slot.name)), [])),
                '}'
            )
    end as pattern,
    coalesce(slots, []) as slots,
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
        when report_status = 'Sin evaluar' then fixed_not_evaluated
        when is_only_additives then {{ filled_phrase('fixed_additives', {'breaches': 'breaches'}) }}
        when breaches <> '' then {{ filled_phrase('fixed_marginal', {'breaches': 'breaches'}) }}
        else fixed_normal
    end as text -- noqa: RF04
from spoken
