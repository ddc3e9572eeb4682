-- A recommendation leaves no critical breach unsaid: each is named in the list of breaches, which stands before the
-- cause. What a rule says of its cause is not the list: "cobre alto" stands there whatever was breached.
with

said as (
    select
        reports.row_id,
        reports.client,
        reports.sampleNumber,
        reports.ai_recommendation,
        split_part(reports.ai_recommendation, rule_texts.cause, 1) as listed
    from {{ ref('worded_recommendations') }} as reports
    inner join {{ ref('expert_rule_texts') }} as rule_texts on reports.rule_ids[1] = rule_texts.rule_id
)

select
    said.client,
    said.sampleNumber,
    results.essay,
    said.ai_recommendation
from said
inner join {{ ref('classified_results') }} as results on said.row_id = results.row_id
left join {{ ref('texts') }} as names on 'essay.' || results.essay = names.text_id
where results.status = 'Critico' and not contains(said.listed, coalesce(names.text, results.essay))
