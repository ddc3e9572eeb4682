{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_rows'}) }}

-- One row per current sample × essay that the laboratory reported: the text read, converted into the unit of the
-- essay, and compared with what is physically possible. Of a sample whose wear metals are all 0 and whose other
-- elements nearly so, no element was measured.

{% set is_element = "essays.unit = 'ppm' and essays.essay_group in ('Desgaste', 'Contaminante', 'Aditivo')" %}

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

essay_units as (
    select * from {{ ref('int_essay_units') }}
),

essays as (
    select * from {{ ref('essays') }}
),

active_policy as (
    select * from {{ ref('active_policy') }}
),

bounds as (
    select
        essay,
        unit,
        minimum,
        maximum
    from essays
    union all
    select
        essay,
        unit,
        minimum,
        maximum
    from {{ ref('essay_scales') }}
),

converted as (
    select
        row_essays.row_id,
        samples.client,
        samples.laboratory,
        samples.sampleNumber,
        samples.sampleOccurrence,
        row_essays.essay,
        essays.essay_group,
        essays.unit as essay_unit,
        row_essays.text as raw_text,
        coalesce(essay_texts.unit, row_essays.lab_unit) as lab_unit,
        row_essays.data_row_id,
        row_essays.column_id,
        essay_texts.value as lab_value,
        if(essay_units.lab_unit is null, essays.unit, essay_units.unit) as unit,
        if(
            essay_units.lab_unit is null,
            essay_texts.value,
            essay_texts.value * essay_units.factor + essay_units.shift
        ) as number,
        essay_texts.censoring,
        essay_texts.code,
        essay_texts.level,
        essay_texts.iso_codes,
        essay_texts.rejection as text_rejection,
        {{ is_element }} as is_element
    from row_essays
    inner join samples on row_essays.row_id = samples.row_id
    inner join essays on row_essays.essay = essays.essay
    inner join essay_texts
        on
            row_essays.laboratory = essay_texts.laboratory
            and row_essays.essay = essay_texts.essay
            and row_essays.kind = essay_texts.cell_kind
            and row_essays.text = essay_texts.text
            and row_essays.decimal_mark = essay_texts.decimal_mark
    left join essay_units
        on
            row_essays.essay = essay_units.essay
            and coalesce(essay_texts.unit, row_essays.lab_unit) = essay_units.lab_unit
),

bounded as (
    select
        converted.*,
        case
            when converted.text_rejection is not null then converted.text_rejection
            when converted.lab_value is null or not active_policy.checks_values then null
            when converted.unit is null then 'unit_not_convertible'
            when converted.number < bounds.minimum then 'below_possible'
            when converted.number > bounds.maximum then 'above_possible'
        end as value_rejection
    from converted
    cross join active_policy
    left join bounds on converted.essay = bounds.essay and converted.unit = bounds.unit
),

unmeasured as (
    select bounded.row_id
    from bounded
    cross join active_policy
    where bounded.is_element and bounded.value_rejection is null and bounded.number is not null
    group by bounded.row_id
    having
        count(*) filter (where bounded.essay_group = 'Desgaste') >= any_value(active_policy.zeros_min_metals)
        and coalesce(
            max(if(bounded.censoring = '<', 0, bounded.number)) filter (where bounded.essay_group = 'Desgaste'), 0
        ) = 0
        and max(bounded.number) < any_value(active_policy.zeros_max_ppm)
),

decided as (
    select
        bounded.*,
        case
            when bounded.value_rejection is not null then bounded.value_rejection
            when bounded.is_element and bounded.number is not null and unmeasured.row_id is not null
                then 'not_measured_all_zero'
        end as rejection
    from bounded
    left join unmeasured on bounded.row_id = unmeasured.row_id
)

select
    client,
    laboratory,
    sampleNumber,
    essay,
    essay_group,
    coalesce(unit, lab_unit, essay_unit) as unit,
    if(rejection is null, number, null) as value,
    if(rejection is null, censoring, null) as censoring,
    if(rejection is null and censoring is not null, number, null) as detection_limit,
    if(rejection is null and lab_value is null, code, null) as code,
    if(rejection is null, level, null) as level,
    raw_text,
    rejection,
    row_id,
    sampleOccurrence,
    lab_value,
    lab_unit,
    data_row_id,
    column_id,
    if(rejection is null, iso_codes, null) as iso_codes
from decided
