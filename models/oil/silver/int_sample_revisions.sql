{{ config(
    materialized='scope',
    unique_key=['client_code', 'laboratory', 'sample_number_form'],
    meta={'scope': 'touched_samples'}
) }}

-- One row per usable data row. Rows with one number are one sample if they have the same unit and component family, and
-- no more than a few days lie between one date and the next; otherwise the number was given to several samples. Of the
-- rows of a sample the last to be delivered is the current revision.
-- Rows of a file that was written over belong to no sample and are not current, whatever their date.

{% set newest_first -%}
    delivered_on desc nulls last, reportDate desc nulls last, modified_at desc nulls last, file_key desc, sheet desc,
    row_number desc
{%- endset %}

{#- Fields that a later row without them leaves as they are, where re-issues are merged. -#}
{% set merged_fields = [
    'machineName', 'is_machine_known', 'labDate', 'reportDate', 'machineModel', 'machineBrand', 'machineHours',
    'machineSerialNumber', 'componentHours', 'componentSerialNumber', 'oilMeter', 'oilBrand', 'oilType', 'oilWeight',
    'oilChanged', 'filterChanged', 'labVerdict', 'labComment', 'kilometers',
] %}

with

checked_rows as (
    select * from {{ ref('int_checked_rows') }} where rejection is null
),

touched_samples as (
    select * from {{ ref('touched_samples') }}
),

contents as (
    select * from {{ ref('int_contents') }}
),

units as (
    select * from {{ ref('int_units') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

touched as (
    select
        checked_rows.* exclude (unitId, rejection, rejection_field, rejection_text, is_ahead, sample_date_text),
        units.unitId,
        contents.file_key,
        contents.sha256,
        contents.is_live,
        contents.delivered_on,
        contents.modified_at,
        contents.first_arrived_at,
        active_policy.sample_apart_days,
        active_policy.merges_reissues and coalesce(laboratories.reissue, 'merge') = 'merge' as is_merged,
        case
            when active_policy.sample_apart_days is not null
                then concat_ws(
                    '|',
                    checked_rows.unit_form,
                    coalesce(checked_rows.componentNameNormalized, checked_rows.componentName)
                )
        end as component_of_unit
    from checked_rows
    cross join active_policy
    inner join laboratories on checked_rows.laboratory = laboratories.laboratory
    inner join contents on checked_rows.content_id = contents.content_id
    inner join units on checked_rows.client_code = units.client_code and checked_rows.unit_form = units.unit_form
    semi join touched_samples
        on
            checked_rows.client_code = touched_samples.client_code
            and checked_rows.laboratory = touched_samples.laboratory
            and checked_rows.sample_number_form = touched_samples.sample_number_form
),

spaced as (
    select
        *,
        coalesce(sampleDate - lag(sampleDate) over by_date > sample_apart_days, false) as is_far_from_the_last
    from touched
    window by_date as (
        partition by client_code, laboratory, sample_number_form, is_live, component_of_unit order by sampleDate
    )
),

clustered as (
    select
        *,
        count(*) filter (where is_far_from_the_last) over by_date as cluster
    from spaced
    window by_date as (
        partition by client_code, laboratory, sample_number_form, is_live, component_of_unit order by sampleDate
    )
),

samples as (
    select
        *,
        case
            when is_live and sample_apart_days is not null
                then left(md5(concat_ws('|', component_of_unit, min(sampleDate) over same_cluster)), 12)
            else ''
        end as occurrence,
        min(first_arrived_at) over same_component as component_arrived_at
    from clustered
    window
        same_component as (partition by client_code, laboratory, sample_number_form, component_of_unit),
        same_cluster as (
            partition by client_code, laboratory, sample_number_form, is_live, component_of_unit, cluster
        )
),

ranked as (
    select
        * replace (case when machineName is not null then is_machine_known end as is_machine_known),
        min(occurrence) over same_number <> max(occurrence) over same_number as is_number_shared,
        row_number() over (
            partition by client_code, laboratory, sample_number_form, is_live, occurrence
            order by {{ newest_first }}
        ) as revision,
        row_number() over (
            partition by client_code, laboratory, sample_number_form, is_live, occurrence, cells_hash
            order by {{ newest_first }}
        ) as copy
    from samples
    window same_number as (partition by client_code, laboratory, sample_number_form, is_live)
),

-- What an older row says is kept where no newer one says anything.
merged as (
    select
        * exclude ({{ merged_fields | join(', ') }}),
        {% for field in merged_fields -%}
            case
                when is_merged and is_live and revision = 1 then first_value({{ field }} ignore nulls) over by_revision
                else {{ field }}
            end as {{ field }},
        {% endfor -%}
        first_value(row_id) over by_revision as newest_row_id
    from ranked
    window by_revision as (
        partition by client_code, laboratory, sample_number_form, is_live, occurrence
        order by revision
        rows between unbounded preceding and unbounded following
    )
)

select
    row_id,
    content_id,
    client,
    client_code,
    laboratory,
    sheet,
    row_number,
    data_row_ids,
    declared_sheet,
    sheet_fluid,
    sampleNumber,
    sample_number_form,
    if(is_number_shared, occurrence, '') as sampleOccurrence,
    sampleTimestamp,
    sampleDate,
    labDate,
    reportDate,
    site,
    unitId,
    unit_form,
    machineName,
    coalesce(is_machine_known, false) as is_machine_known,
    machineModel,
    machineBrand,
    machineHours,
    componentHours,
    oilMeter,
    machineSerialNumber,
    componentName,
    componentNameNormalized,
    componentSerialNumber,
    oilBrand,
    oilType,
    oilWeight,
    oilChanged,
    filterChanged,
    labVerdict,
    labComment,
    file_key as sourceFile,
    sha256 as sourceSha256,
    component_arrived_at as first_arrived_at,
    is_live,
    -- The row that stands for the sample; null for a row of a file that was written over.
    if(is_live, newest_row_id, null) as sample_row_id,
    revision,
    is_live and revision = 1 as is_current,
    is_live and copy = 1 as has_its_own_cells,
    is_merged,
    kilometers
from merged
