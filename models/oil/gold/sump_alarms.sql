-- One row per report in alarm of a compartment that shares its oil: which compartment carries the one alarm that the
-- samples of this oil give on a day.

with

reports as (
    select * from {{ ref('judged_reports') }} where sump is not null and report_status in ('Alerta', 'Anormal')
),

recommendations as (
    select * from {{ ref('report_recommendations') }}
),

alarms as (
    select
        reports.row_id,
        reports.client,
        reports.unitId,
        reports.sump,
        reports.sampleDate,
        reports.componentName,
        row_number() over (
            partition by reports.client, reports.unitId, reports.sump, reports.sampleDate
            order by
                recommendations.urgency asc nulls last,
                reports.report_status desc,
                reports.classification_score desc,
                reports.severity_score desc,
                reports.componentName asc,
                reports.laboratory asc,
                reports.sampleNumber asc,
                reports.sampleOccurrence asc
        ) as place
    from reports
    left join recommendations on reports.row_id = recommendations.row_id
),

carriers as (
    select
        client,
        unitId,
        sump,
        sampleDate,
        arg_min(componentName, place) as alarm_component,
        list(componentName order by place) as components
    from alarms
    group by client, unitId, sump, sampleDate
)

select
    alarms.row_id,
    alarms.client,
    alarms.unitId,
    alarms.sump,
    alarms.sampleDate,
    alarms.componentName,
    carriers.alarm_component,
    alarms.place = 1 as carries_alarm,
    carriers.components[2:] as other_components
from alarms
inner join carriers
    on
        alarms.client = carriers.client
        and alarms.unitId = carriers.unitId
        and alarms.sump = carriers.sump
        and alarms.sampleDate = carriers.sampleDate
