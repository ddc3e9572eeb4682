{{ config(materialized='view') }}

-- One row per judged report: its recommendation as readers see it. With a model's reply for its pattern, the vetted
-- phrases of the reply are put together, with the sample's own numbers. Otherwise it is the text of the rules. A reply
-- has ids only, so a corrected phrase corrects every text. A text that is too long leaves out the note, then values.
-- The text of the rules replaces one that still is.

with

recommendations as (
    select * from {{ ref('report_recommendations') }}
),

texts as (
    select * from {{ ref('texts') }}
),

rule_texts as (
    select * from {{ ref('expert_rule_texts') }}
),

phrases as (
    {{ phrases(['report.more', 'report.critical_too']) }}
),

replies as (
    select
        pattern,
        cache_key,
        generated_at,
        cast(configuration as json) ->> '$.sees_comments' = 'true' as sees_comments,
        cast(pattern as json) ->> '$.required_steps[*]' as required_steps,
        cast(reply as json) ->> '$.opening' as opening,
        cast(reply as json) ->> '$.hedge' as hedge,
        cast(reply as json) ->> '$.essays[*]' as essays,
        cast(reply as json) ->> '$.causes[*]' as causes,
        cast(reply as json) ->> '$.steps[*]' as steps
    from {{ source('control', 'replies') }}
),

steps as (
    select
        pattern,
        required_steps,
        unnest(steps) as text_id,
        generate_subscripts(steps, 1) as place
    from replies
),

spoken_steps as (
    -- Rules share some steps. A shared step is said once, where the deciding rule has it.
    select
        steps.pattern,
        steps.place,
        texts.text
    from steps
    inner join texts on steps.text_id = texts.text_id
    qualify row_number() over (
        partition by steps.pattern, texts.text
        order by list_contains(steps.required_steps, steps.text_id) desc, steps.place asc
    ) = 1
),

actions as (
    select
        pattern,
        string_agg(text, '; ' order by place) as said
    from spoken_steps
    group by pattern
),

chosen as (
    select
        recommendations.row_id,
        recommendations.component,
        recommendations.status_text,
        recommendations.deadline,
        recommendations.note,
        replies.cache_key,
        replies.generated_at,
        openings.text as opening,
        causes.cause,
        {{ filled_phrase('hedges.text', {'name': 'others.name'}) }} as other_cause,
        {{ sentence_of('actions.said') }} as action, -- noqa: RF04
        list_concat(
            list_transform(
                replies.essays,
                lambda essay: list_filter(recommendations.breach_list, lambda breach: breach.essay = essay)[1]
            ),
            list_filter(recommendations.breach_list, lambda breach: not list_contains(replies.essays, breach.essay))
        ) as breaches
    from replies
    inner join recommendations
        on replies.pattern = if(replies.sees_comments, recommendations.commented_pattern, recommendations.pattern)
    inner join actions on replies.pattern = actions.pattern
    inner join texts as openings on replies.opening = openings.text_id
    inner join texts as hedges on replies.hedge = hedges.text_id
    inner join rule_texts as causes on replies.causes[1] = causes.rule_id
    left join rule_texts as others on replies.causes[2] = others.rule_id
),

worded as (
    select
        chosen.row_id,
        chosen.cache_key,
        timezone('UTC', chosen.generated_at) as generated_at,
        {{ filled_phrase('chosen.opening', {
            'component': 'chosen.component',
            'status': 'chosen.status_text',
            'breaches': listed_breaches('chosen.breaches'),
        }) }} as beginning,
        concat_ws(' ', chosen.cause, chosen.other_cause, chosen.deadline, chosen.action) as advice,
        concat_ws(' ', beginning, chosen.note, advice) as whole_text,
        concat_ws(' ', beginning, advice) as text_without_note,
        concat_ws(
            ' ',
            {{ filled_phrase('chosen.opening', {
                'component': 'chosen.component',
                'status': 'chosen.status_text',
                'breaches': listed_breaches('chosen.breaches', with_values=2),
            }) }},
            advice
        ) as text_with_two_values,
        case
            when {{ short_enough('whole_text') }} then whole_text
            when {{ short_enough('text_without_note') }} then text_without_note
            when {{ short_enough('text_with_two_values') }} then text_with_two_values
        end as text -- noqa: RF04
    from chosen
    cross join phrases
)

select
    recommendations.row_id,
    recommendations.client,
    recommendations.laboratory,
    recommendations.sampleNumber,
    coalesce(worded.text, recommendations.text) as ai_recommendation,
    if(worded.row_id is null, recommendations.source, 'llm') as recommendation_source,
    recommendations.rule_ids,
    recommendations.urgency,
    worded.generated_at as ai_generated_at,
    worded.cache_key,
    recommendations.is_confirmed
from recommendations
left join worded on recommendations.row_id = worded.row_id and worded.text is not null
