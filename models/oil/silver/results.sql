{{ config(materialized='view') }}

-- One row per current sample × essay that the laboratory reported, or that was computed from what it reported.

with

results as (
    select
        * exclude (iso_codes),
        false as is_computed
    from {{ ref('int_reported_results') }}
    union all by name
    select * from {{ ref('int_iso_results') }}
),

lost_points as (
    select
        row_id,
        essay
    from {{ ref('int_lost_points') }}
    group by row_id, essay
    having arg_max(is_lost, decided_at)
)

select
    results.client,
    results.laboratory,
    results.sampleNumber,
    results.essay,
    results.essay_group,
    results.unit,
    if(lost_points.row_id is null, results.value, null) as value, -- noqa: RF04
    results.censoring,
    results.detection_limit,
    results.code,
    results.level,
    results.raw_text,
    coalesce(results.rejection, if(lost_points.row_id is null, null, 'decimal_point_lost')) as rejection,
    results.is_computed,
    if(lost_points.row_id is null, if(results.censoring = '<', 0.0, results.value), null) as calculation_value,
    results.row_id,
    results.sampleOccurrence,
    results.lab_value,
    results.lab_unit,
    results.data_row_id,
    results.column_id
from results
left join lost_points on results.row_id = lost_points.row_id and results.essay = lost_points.essay
