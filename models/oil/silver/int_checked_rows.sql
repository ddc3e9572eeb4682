{{ config(
    materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}
) }}

-- depends_on: {{ ref('pending_contents') }}
-- One row per data row, its fields typed, with the reason why it cannot be used if there is one.

{% set number_fields = ['machineHours', 'componentHours', 'oilMeter'] %}

with

row_fields as (
    select * from {{ ref('stg_row_fields') }}
),

laboratories as (
    select * from {{ ref('laboratories') }}
),

date_texts as (
    select * from {{ ref('int_date_texts') }}
),

names as (
    select * from {{ ref('int_names') }}
),

machine_models as (
    select * from {{ ref('machine_models') }}
),

typed as (
    select
        row_fields.row_id,
        row_fields.content_id,
        row_fields.client,
        row_fields.client_code,
        row_fields.laboratory,
        row_fields.sheet,
        row_fields.row_number,
        row_fields.sampleNumber,
        sample_moment.written_at as sampleTimestamp,
        sample_moment.local_date as sampleDate,
        lab_moment.local_date as labDate,
        report_moment.local_date as reportDate,
        coalesce(row_fields.site, row_fields.client_site) as site,
        replace(row_fields.unitId, '-', '_') as unitId,
        coalesce(machine_models.machine_name, machine_names.name, lower(row_fields.machineModel)) as machineName,
        coalesce(machine_models.machine_name is not null or machine_names.is_known, false) as is_machine_known,
        lower(row_fields.machineModel) as machineModel,
        coalesce(brand_names.name, machine_models.brand) as machineBrand,
        {% for field in number_fields -%}
            {{ parse_number('row_fields.' ~ field, 'laboratories.decimal_mark') }} as {{ field }},
        {% endfor -%}
        row_fields.machineSerialNumber,
        lower(row_fields.componentName) as componentName,
        component_names.name as componentNameNormalized,
        row_fields.componentSerialNumber,
        lower(row_fields.oilBrand) as oilBrand,
        row_fields.oilType,
        row_fields.oilWeight,
        row_fields.oilChanged,
        row_fields.filterChanged,
        row_fields.labVerdict,
        row_fields.labComment,
        row_fields.sampleDate as sample_date_text
    from row_fields
    inner join laboratories on row_fields.laboratory = laboratories.laboratory
    left join date_texts as sample_moment
        on row_fields.client = sample_moment.client and row_fields.sampleDate = sample_moment.text
    left join date_texts as lab_moment
        on row_fields.client = lab_moment.client and row_fields.labDate = lab_moment.text
    left join date_texts as report_moment
        on row_fields.client = report_moment.client and row_fields.reportDate = report_moment.text
    left join machine_models on lower(row_fields.machineModel) = machine_models.model
    left join names as machine_names
        on lower(row_fields.machineFamily) = machine_names.written_name and machine_names.entity = 'machine'
    left join names as brand_names
        on lower(row_fields.machineBrand) = brand_names.written_name and brand_names.entity = 'brand'
    left join names as component_names
        on lower(row_fields.componentName) = component_names.written_name and component_names.entity = 'component'
)

select
    *,
    sampleTimestamp > timezone('UTC', now()) as is_ahead,
    case
        when sampleNumber is null then 'no sample number'
        when unitId is null then 'no unit'
        when componentName is null then 'no component'
        when sample_date_text is null then 'no sample date'
        when sampleTimestamp is null then 'sample date cannot be read: ' || left(sample_date_text, 40)
        when is_ahead then 'sample date in the future: ' || left(sample_date_text, 40)
    end as rejection
from typed
