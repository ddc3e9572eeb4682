-- However it is worded, a recommendation leaves no critical breach unsaid: it is in the list of breaches, by its name,
-- or the wording has its value. What a rule says of its cause is no list: "cobre alto" is there whatever was breached.
with

said as (
    select
        recommendations.row_id,
        reports.client,
        reports.sampleNumber,
        reports.ai_recommendation,
        case
            when reports.recommendation_source = 'llm' then coalesce(rules.other_breaches, '')
            else split_part(reports.ai_recommendation, causes.text, 1)
        end as listed,
        coalesce(wordings.observation, '') as observation
    from {{ ref('classified_reports') }} as reports
    inner join {{ ref('worded_recommendations') }} as recommendations
        on
            reports.client = recommendations.client
            and reports.laboratory = recommendations.laboratory
            and reports.sampleNumber = recommendations.sampleNumber
    inner join {{ ref('report_recommendations') }} as rules on recommendations.row_id = rules.row_id
    left join {{ ref('texts') }} as causes on rules.first_rule || '.cause' = causes.text_id
    left join {{ source('control', 'wordings') }} as wordings on recommendations.cache_key = wordings.cache_key
    where reports.report_status in ('Alerta', 'Anormal')
)

select
    said.client,
    said.sampleNumber,
    results.essay,
    said.ai_recommendation
from said
inner join {{ ref('classified_results') }} as results on said.row_id = results.row_id
left join {{ ref('texts') }} as names on 'essay.' || results.essay = names.text_id
where
    results.status = 'Critico'
    and not contains(said.listed, coalesce(names.text, results.essay))
    and not contains(said.observation, '{' || results.essay || '.value}')
