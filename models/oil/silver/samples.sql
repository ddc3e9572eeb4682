{{ config(
    materialized='scope',
    unique_key=['client', 'unitId', 'componentName'],
    meta={'scope': 'touched_components'}
) }}

-- One row per sample, its current revision, with one column per essay: null is not measured, 0 is below detection.
-- depends_on: {{ ref('essays') }}

with

touched_components as (
    select * from {{ ref('touched_components') }}
),

revisions as (
    select revisions.*
    from {{ ref('int_sample_revisions') }} as revisions
    semi join touched_components
        on
            revisions.client_code = touched_components.client
            and revisions.unitId = touched_components.unitId
            and revisions.componentName = touched_components.componentName
    where revisions.is_current
),

component_families as (
    select * from {{ ref('component_families') }}
),

-- Not kept for its three readers: that is slower than reading the table three times.
results as not materialized (
    select * from {{ ref('results') }} where row_id in (select row_id from revisions)
),

essay_columns as (
    select
        row_id,
        {% for essay in essays_with_a_column() -%}
            {%- set column = 'code' if essay.kind in ('text', 'cleanliness') else 'calculation_value' -%}
            max(case when essay = '{{ essay.essay }}' then {{ column }} end) as "{{ essay.essay }}",
        {% endfor -%}
        count(*) filter (where value is not null or code is not null) as essays_measured
    from results
    group by row_id
),

censored as (
    select
        row_id,
        {{ json_object_of('essay', 'raw_text') }} as censored_essays
    from results
    where censoring is not null
    group by row_id
),

coded as (
    select
        row_id,
        {{ json_object_of('essay', 'code') }} as coded_essays
    from results
    where level is not null
    group by row_id
),

rejected as (
    select
        row_id,
        {{ json_object_of('essay', 'raw_text') }} as rejected_essays
    from results
    where rejection is not null
    group by row_id
),

delivered as (
    select
        results.row_id,
        {{ json_object_of(
            'results.essay', "concat(results.censoring, " ~ number_text('results.lab_value', "'.'") ~ ", ' ', results.lab_unit)"
        ) }} as delivered_essays
    from results
    inner join {{ ref('essays') }} as essays on results.essay = essays.essay
    where results.lab_value is not null and normal_form(results.lab_unit) <> normal_form(essays.unit)
    group by results.row_id
),

-- By day first: midnight in UTC is a date without a time, so a later moment may be on the day before.
chained as (
    select
        *,
        lag(sampleNumber) over component_history as previousSampleNumber,
        lag(sampleDate) over component_history as previousSampleDate,
        lag(row_id) over component_history as previous_row_id
    from revisions
    window component_history as (
        partition by client_code, unitId, componentName
        order by sampleDate, sampleTimestamp, sampleNumber, laboratory, sampleOccurrence
    )
)

select
    chained.client_code as client,
    chained.sampleNumber,
    chained.sampleDate,
    chained.labDate,
    chained.reportDate,
    chained.site,
    chained.unitId,
    chained.machineName,
    chained.machineModel,
    chained.machineBrand,
    chained.machineHours,
    chained.machineSerialNumber,
    chained.componentName,
    chained.componentNameNormalized,
    chained.componentHours,
    chained.componentSerialNumber,
    chained.oilMeter,
    chained.oilBrand,
    chained.oilType,
    chained.oilWeight,
    chained.previousSampleNumber,
    chained.previousSampleDate,
    date_diff('day', chained.previousSampleDate, chained.sampleDate) as daysSincePrevious,
    essay_columns.* exclude (row_id, essays_measured),
    cast(censored.censored_essays as json) as censored_essays,
    cast(coded.coded_essays as json) as coded_essays,
    coalesce(essay_columns.essays_measured, 0) as essays_measured,
    chained.laboratory,
    coalesce(chained.sheet_fluid, component_families.fluid, 'oil') as fluid,
    chained.oilChanged,
    chained.filterChanged,
    chained.labVerdict,
    chained.labComment,
    chained.sampleTimestamp,
    chained.is_machine_known,
    chained.sourceFile,
    chained.sheet as sourceSheet,
    chained.row_number as sourceRow,
    chained.sourceSha256,
    chained.row_id,
    chained.previous_row_id,
    chained.sampleOccurrence,
    cast(rejected.rejected_essays as json) as rejected_essays,
    cast(chained.kilometers as json) as kilometers,
    cast(delivered.delivered_essays as json) as delivered_essays
from chained
left join essay_columns on chained.row_id = essay_columns.row_id
left join censored on chained.row_id = censored.row_id
left join rejected on chained.row_id = rejected.row_id
left join delivered on chained.row_id = delivered.row_id
left join coded on chained.row_id = coded.row_id
left join component_families on chained.componentNameNormalized = component_families.component
