{{ config(
    materialized='scope',
    unique_key=['row_id'],
    meta={'scope': 'samples_to_judge'},
    on_schema_change='fail'
) }}

-- One row per sample that the policy judges: its status, and everything known of it except its recommendation.
-- depends_on: {{ ref('essays') }}, {{ ref('samples_to_judge') }}

with

samples as (
    select * from {{ ref('samples') }}
),

statuses as (
    select * from {{ ref('int_report_status') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

sumps as (
    {{ shared_sumps() }}
),

limits_versions as (
    select distinct
        client,
        limits_version
    from {{ ref('stewart_limits') }}
)

select
    samples.row_id,
    samples.client,
    samples.sampleNumber,
    samples.sampleDate,
    samples.labDate,
    samples.reportDate,
    samples.site,
    samples.unitId,
    samples.machineName,
    samples.machineModel,
    samples.machineBrand,
    samples.machineHours,
    samples.machineSerialNumber,
    samples.componentName,
    samples.componentNameNormalized,
    samples.componentHours,
    samples.componentSerialNumber,
    samples.oilMeter,
    samples.oilBrand,
    samples.oilType,
    samples.oilWeight,
    samples.previousSampleNumber,
    samples.previousSampleDate,
    samples.daysSincePrevious,
    {% for essay in essays_with_a_column() -%}
        samples."{{ essay.essay }}",
    {% endfor -%}
    samples.censored_essays,
    samples.coded_essays,
    statuses.essays_broken,
    statuses.severity_score,
    statuses.classification_score,
    statuses.report_status,
    statuses.breached_essays,
    statuses.essay_status,
    statuses.essays_judged,
    samples.essays_measured,
    -- A sample of an unknown machine is not judged by limits of any version.
    case
        when statuses.is_judged and samples.machineName is not null then limits_versions.limits_version
    end as limits_version,
    statuses.limits_source,
    active_policy.policy,
    samples.labVerdict,
    samples.labComment,
    samples.fluid,
    samples.oilChanged,
    samples.filterChanged,
    samples.laboratory,
    samples.sampleTimestamp,
    samples.sourceFile,
    samples.sourceSheet,
    samples.sourceRow,
    samples.sourceSha256,
    samples.is_machine_known,
    samples.sampleOccurrence,
    statuses.essays_rejected,
    samples.rejected_essays,
    sumps.sump,
    samples.delivered_essays,
    samples.kilometers
from statuses
inner join samples on statuses.row_id = samples.row_id
cross join active_policy
left join limits_versions on samples.client = limits_versions.client
left join sumps
    on
        samples.machineModel = sumps.machineModel
        and samples.componentName = sumps.componentName
        and samples.componentNameNormalized = sumps.componentNameNormalized
