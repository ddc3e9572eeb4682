{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_rows'}) }}

-- One row per current sample × essay that the laboratory reported, or that was computed from what it reported.

with

samples as (
    select * from {{ ref('touched_rows') }} where is_current
),

row_essays as (
    select * from {{ ref('int_row_essays') }}
),

essay_texts as (
    select * from {{ ref('int_essay_texts') }}
),

iso_codes as (
    select * from {{ ref('int_iso_codes') }}
),

essays as (
    select * from {{ ref('essays') }}
),

reported as (
    select
        row_essays.row_id,
        row_essays.essay,
        essay_texts.value,
        essay_texts.censoring,
        case when essay_texts.censoring is not null then essay_texts.value end as detection_limit,
        case when essay_texts.value is null and essay_texts.rejection is null then essay_texts.code end as code,
        essay_texts.level,
        row_essays.text as raw_text,
        row_essays.lab_unit,
        essay_texts.rejection,
        false as is_computed
    from row_essays
    inner join essay_texts
        on
            row_essays.laboratory = essay_texts.laboratory
            and row_essays.essay = essay_texts.essay
            and row_essays.text = essay_texts.text
),

iso_results as (
    select
        row_id,
        essay,
        cast(code as double) as value,
        case when code > 28 then '>' end as censoring,
        case when code > 28 then 28.0 end as detection_limit,
        null as code,
        null as level,
        text as raw_text,
        null as lab_unit,
        null as rejection,
        is_computed
    from iso_codes
),

iso_texts as (
    select
        row_id,
        'Código ISO' as essay,
        null as value,
        null as censoring,
        null as detection_limit,
        string_agg(case when code > 28 then '>28' else cast(code as varchar) end, '/' order by code desc, essay asc)
            as code,
        null as level,
        'computed from the particle counts' as raw_text,
        null as lab_unit,
        null as rejection,
        true as is_computed
    from iso_codes
    where row_id not in (select row_id from row_essays where essay = 'Código ISO')
    group by row_id
),

all_results as (
    select * from reported
    union all
    select * from iso_results
    union all
    select * from iso_texts
)

select
    samples.client,
    samples.laboratory,
    samples.sampleNumber,
    all_results.essay,
    essays.essay_group,
    coalesce(all_results.lab_unit, essays.unit) as unit,
    all_results.value,
    all_results.censoring,
    all_results.detection_limit,
    all_results.code,
    all_results.level,
    all_results.raw_text,
    all_results.rejection,
    all_results.is_computed,
    case when all_results.censoring = '<' then 0.0 else all_results.value end as calculation_value,
    all_results.row_id
from all_results
inner join samples on all_results.row_id = samples.row_id
inner join essays on all_results.essay = essays.essay
