{{ config(materialized='view') }}

-- One row per unit × component: its current report, what the sample before said, and its place on the machine. As a
-- view, it has the text of a wording that arrives after the build, as classified_reports has.

with

components as (
    select * from {{ ref('component_status_current') }}
),

judged_reports as (
    select * from {{ ref('judged_reports') }}
),

samples as (
    select
        row_id,
        previous_row_id
    from {{ ref('samples') }}
),

classified_reports as (
    select * from {{ ref('classified_reports') }}
),

urgencies as (
    select * from {{ ref('urgencies') }}
)

select
    components.client,
    components.unit_id,
    components.component,
    components.component_family,
    reports.laboratory,
    components.sample_number,
    reports.sampleOccurrence as sample_occurrence,
    components.sample_date,
    components.sample_timestamp,
    components.status,
    components.classification_score as score,
    components.severity_score,
    components.points,
    components.weight,
    components.place,
    components.days_behind_unit,
    components.is_stale,
    components.urgency,
    cast(components.sample_date + urgencies.deadline_days as date) as deadline_on,
    components.first_rule,
    texts.rule_ids,
    texts.ai_recommendation,
    components.breached_essays,
    reports.coded_essays,
    reports.delivered_essays,
    reports.limits_version,
    reports.policy,
    reports.previousSampleNumber as previous_sample_number,
    reports.previousSampleDate as previous_sample_date,
    before.report_status as previous_status,
    before.classification_score as previous_score,
    components.sump,
    components.carried_by,
    texts.alarm_component,
    texts.carries_alarm,
    texts.sump_difference,
    reports.site,
    reports.machineName as machine_name,
    reports.machineModel as machine_model,
    reports.machineHours as machine_hours,
    reports.componentHours as component_hours,
    reports.oilMeter as oil_hours,
    reports.kilometers,
    reports.sourceFile as source_file,
    reports.sourceSheet as source_sheet,
    reports.sourceRow as source_row,
    reports.sourceSha256 as source_sha256
from components
inner join judged_reports as reports on components.row_id = reports.row_id
inner join classified_reports as texts
    on
        reports.client = texts.client
        and reports.laboratory = texts.laboratory
        and reports.sampleNumber = texts.sampleNumber
        and reports.sampleOccurrence = texts.sampleOccurrence
inner join samples on components.row_id = samples.row_id
left join judged_reports as before on samples.previous_row_id = before.row_id -- noqa: RF04
left join urgencies on components.urgency = urgencies.urgency
