-- Under the default policy a report without one judged essay says `Sin evaluar`, and only such a report does.
select
    client,
    sampleNumber,
    report_status,
    essays_judged
from {{ ref('judged_reports') }}
where policy = 'default' and (essays_judged = 0) <> (report_status = 'Sin evaluar')
