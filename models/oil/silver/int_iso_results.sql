{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_rows'}) }}

-- One row per current sample × ISO 4406 size, and the code in one text where the laboratory reported none.

with

samples as (
    select * from {{ ref('touched_rows') }} where is_current
),

iso_codes as (
    select * from {{ ref('int_iso_codes') }}
),

essays as (
    select * from {{ ref('essays') }}
),

samples_with_the_text as (
    select row_id from {{ ref('int_reported_results') }}
    where essay = 'Código ISO' and row_id in (select row_id from samples)
),

sizes as (
    select
        row_id,
        essay,
        cast(code as double) as value, -- noqa: RF04
        case when code > 28 or is_above then '>' end as censoring,
        case when code > 28 then 28.0 when is_above then cast(code as double) end as detection_limit,
        null as code,
        text as raw_text,
        is_computed,
        data_row_id,
        column_id
    from iso_codes
),

texts as (
    select
        row_id,
        'Código ISO' as essay,
        null as value, -- noqa: RF04
        null as censoring,
        null as detection_limit,
        string_agg(case when code > 28 then '>28' else cast(code as varchar) end, '/' order by code desc, essay asc)
            as code,
        'computed from the particle counts' as raw_text,
        true as is_computed,
        min_by(data_row_id, (code, essay)) as data_row_id,
        min_by(column_id, (code, essay)) as column_id
    from iso_codes
    where row_id not in (select row_id from samples_with_the_text)
    group by row_id
),

iso_results as (
    select * from sizes
    union all
    select * from texts
)

select
    samples.client,
    samples.laboratory,
    samples.sampleNumber,
    iso_results.essay,
    essays.essay_group,
    essays.unit,
    iso_results.value,
    iso_results.censoring,
    iso_results.detection_limit,
    iso_results.code,
    iso_results.raw_text,
    iso_results.row_id,
    samples.sampleOccurrence,
    iso_results.is_computed,
    iso_results.data_row_id,
    iso_results.column_id
from iso_results
inner join samples on iso_results.row_id = samples.row_id
inner join essays on iso_results.essay = essays.essay
