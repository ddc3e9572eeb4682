-- Under the default policy a high additive is shown and never counted: a report that breaches nothing else is Normal.
with

breaches as (
    select
        results.client,
        results.row_id,
        results.sampleNumber
    from {{ ref('classified_results') }} as results
    where results.points > 0
    group by results.client, results.row_id, results.sampleNumber
    having bool_and(results.essay_group = 'Aditivo')
)

select
    breaches.client,
    breaches.sampleNumber,
    reports.report_status,
    reports.breached_essays
from breaches
inner join {{ ref('samples') }} as samples on breaches.row_id = samples.row_id
inner join {{ ref('judged_reports') }} as reports
    on samples.row_id = reports.row_id
where reports.policy = 'default' and reports.report_status in ('Alerta', 'Anormal')
