-- The samples of one oil and day give one alarm, however many compartments share the oil.
select
    client,
    unitId,
    sump,
    sampleDate,
    count(*) filter (where carries_alarm) as alarms
from {{ ref('classified_reports') }}
where sump is not null and report_status in ('Alerta', 'Anormal')
group by client, unitId, sump, sampleDate
having count(*) filter (where carries_alarm) <> 1
