{{ config(
    materialized='incremental',
    unique_key=['client', 'laboratory', 'sampleNumber'],
    meta={'scope': 'samples_to_judge'},
    on_schema_change='fail'
) }}

-- One row per sample that the policy judges: its status, and everything that is known of it.
-- depends_on: {{ ref('essays') }}

with

samples as (
    select * from {{ ref('samples') }}
),

samples_to_judge as (
    select * from {{ ref('samples_to_judge') }} where is_taken
),

scores as (
    select * from {{ ref('int_report_scores') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

statuses as (
    select policy_statuses.*
    from {{ ref('policy_statuses') }} as policy_statuses
    inner join active_policy on policy_statuses.policy = active_policy.policy
),

cut_offs as (
    select
        max(case when report_status = 'Alerta' then min_score end) as alerta_from,
        max(case when report_status = 'Anormal' then min_score end) as anormal_from
    from statuses
),

limits_versions as (
    select distinct
        client,
        limits_version
    from {{ ref('stewart_limits') }}
)

select
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
    coalesce(scores.essays_broken, 0) as essays_broken,
    coalesce(scores.severity_score, 0) as severity_score,
    coalesce(scores.classification_score, 0) as classification_score,
    case
        when coalesce(scores.essays_judged, 0) = 0 then active_policy.not_evaluated_status
        when scores.classification_score >= cut_offs.anormal_from or scores.has_anormal_floor then 'Anormal'
        when scores.classification_score >= cut_offs.alerta_from or scores.has_alerta_floor then 'Alerta'
        else 'Normal'
    end as report_status,
    coalesce(scores.breached_essays, '[]') as breached_essays,
    coalesce(scores.essay_status, '{}') as essay_status,
    coalesce(scores.essays_judged, 0) as essays_judged,
    samples.essays_measured,
    -- A sample of an unknown machine is judged by no limits, whatever their version.
    case
        when samples_to_judge.is_judged and samples.machineName is not null then limits_versions.limits_version
    end as limits_version,
    coalesce(scores.limits_levels, 'missing') as limits_source,
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
    samples.is_machine_known
from samples_to_judge
inner join samples on samples_to_judge.row_id = samples.row_id
cross join active_policy
cross join cut_offs
left join scores on samples_to_judge.row_id = scores.row_id
left join limits_versions on samples.client = limits_versions.client
