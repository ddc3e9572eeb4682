-- However it is worded, a recommendation leaves no critical breach unsaid.
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
where
    results.status = 'Critico'
    and reports.report_status in ('Alerta', 'Anormal')
    and not contains(reports.ai_recommendation, results.essay)
