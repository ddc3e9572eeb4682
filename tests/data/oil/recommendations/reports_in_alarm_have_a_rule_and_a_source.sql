-- Every report in alarm has an expert rule that explains it, and an urgency; no other report has.
select
    client,
    sampleNumber,
    report_status,
    rule_ids,
    urgency,
    recommendation_source
from {{ ref('classified_reports') }}
where
    (report_status in ('Alerta', 'Anormal')) <> (len(rule_ids) > 0 and urgency is not null)
    or (report_status in ('Alerta', 'Anormal')) <> (recommendation_source in ('llm', 'rules'))
    or (recommendation_source = 'llm') <> (cache_key is not null and ai_generated_at is not null)
