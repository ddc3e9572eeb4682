-- Under the default policy a report without one judged essay says `Sin evaluar`. Otherwise only a report does that lost
-- delivered essays.
select
    client,
    sampleNumber,
    report_status,
    essays_judged,
    essays_rejected
from {{ ref('judged_reports') }}
where
    policy = 'default'
    and case
        when essays_judged = 0 then report_status <> 'Sin evaluar'
        else report_status = 'Sin evaluar' and essays_rejected = 0
    end
