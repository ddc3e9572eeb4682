{{ config(materialized='view') }}

-- One row per report × essay that the laboratory reported, or that was computed from what it reported: the value, what
-- the laboratory wrote and where, and how it was judged. A value that cannot be used has its reason and no judgement.

with

reports as (
    select * from {{ ref('judged_reports') }}
),

results as (
    select * from {{ ref('results') }}
),

judgements as (
    select * from {{ ref('classified_results') }}
),

columns as (
    select * from {{ ref('stg_columns') }}
),

-- Where a file has names and values, the column with the name of a value.
name_columns as (
    select
        client,
        sheet,
        pair_name_index as pair_index,
        min(column_name) as column_name
    from columns
    where pair_name_index is not null
    group by client, sheet, pair_name_index
),

-- A sample of several rows, and one that was issued again, has results in rows of their own.
data_rows as (
    select
        rows_read.row_id,
        rows_read.sheet,
        rows_read.row_number,
        contents.file_key,
        contents.sha256
    from {{ ref('bronze_rows') }} as rows_read
    inner join {{ ref('int_contents') }} as contents
        on rows_read.client = contents.client and rows_read.content_id = contents.content_id
)

select
    reports.client,
    reports.laboratory,
    reports.sampleNumber,
    reports.sampleOccurrence,
    reports.unitId,
    reports.componentName,
    reports.sampleDate,
    reports.sampleTimestamp,
    results.essay,
    results.essay_group,
    results.calculation_value as value, -- noqa: RF04
    results.unit,
    results.code,
    results.censoring,
    results.detection_limit,
    results.raw_text as text, -- noqa: RF04
    results.lab_value,
    results.lab_unit,
    results.is_computed,
    results.rejection,
    judgements.status,
    judgements.points,
    judgements.status_points,
    coalesce(judgements.counts_for_status, false) as decides,
    judgements.limit_value,
    judgements.limit_source,
    judgements.direction,
    judgements.threshold_normal,
    judgements.threshold_alert,
    judgements.threshold_critic,
    judgements.lower_normal,
    judgements.lower_alert,
    judgements.lower_critic,
    judgements.group_median,
    judgements.limits_level,
    judgements.limits_samples as n,
    judgements.limits_quality as quality,
    reports.limits_version,
    coalesce(data_rows.file_key, reports.sourceFile) as sourceFile,
    coalesce(data_rows.sheet, reports.sourceSheet) as sourceSheet,
    coalesce(data_rows.row_number, reports.sourceRow) as sourceRow,
    columns.column_name,
    coalesce(data_rows.sha256, reports.sourceSha256) as sourceSha256,
    name_columns.column_name as name_column
from reports
inner join results on reports.row_id = results.row_id
left join judgements on results.row_id = judgements.row_id and results.essay = judgements.essay
left join columns on results.column_id = columns.column_id
left join name_columns
    on
        columns.client = name_columns.client
        and columns.sheet = name_columns.sheet
        and columns.pair_value_index = name_columns.pair_index
left join data_rows on results.data_row_id = data_rows.row_id
