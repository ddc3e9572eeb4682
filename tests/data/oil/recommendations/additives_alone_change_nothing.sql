-- No rule that changes oil or a component speaks of a report whose only breaches are additives.
with

breaches as (
    select
        row_id,
        bool_and(essay_group = 'Aditivo') as is_only_additives
    from {{ ref('classified_results') }}
    where points > 0
    group by row_id
)

select
    recommendations.client,
    recommendations.sampleNumber,
    rules.rule_id
from {{ ref('matched_rules') }} as rules
inner join breaches on rules.row_id = breaches.row_id
inner join {{ ref('expert_rule_texts') }} as rule_texts on rules.rule_id = rule_texts.rule_id
inner join {{ ref('report_recommendations') }} as recommendations on rules.row_id = recommendations.row_id
where breaches.is_only_additives and rule_texts.advises_change
