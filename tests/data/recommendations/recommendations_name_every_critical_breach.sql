-- However it is worded, a recommendation leaves no critical breach unsaid: it is in the list, by its name, or the
-- wording has its value.
select
    reports.client,
    reports.sampleNumber,
    results.essay,
    reports.ai_recommendation
from {{ ref('classified_reports') }} as reports
inner join {{ ref('worded_recommendations') }} as recommendations
    on
        reports.client = recommendations.client
        and reports.laboratory = recommendations.laboratory
        and reports.sampleNumber = recommendations.sampleNumber
inner join {{ ref('classified_results') }} as results on recommendations.row_id = results.row_id
left join {{ ref('texts') }} as names on 'essay.' || results.essay = names.text_id
left join {{ source('control', 'wordings') }} as wordings on recommendations.cache_key = wordings.cache_key
where
    results.status = 'Critico'
    and reports.report_status in ('Alerta', 'Anormal')
    and not contains(reports.ai_recommendation, coalesce(names.text, results.essay))
    and not coalesce(contains(wordings.observation, '{' || results.essay || '.value}'), false)
