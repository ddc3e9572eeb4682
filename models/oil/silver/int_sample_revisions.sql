{{ config(
    materialized='scope',
    unique_key=['client', 'laboratory', 'sampleNumber'],
    meta={'scope': 'touched_samples'}
) }}

-- One row per usable data row; of the rows of one sample number the last to be delivered is the current revision.
-- Rows of a file that was written over are not current, whatever their date.

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

touched as (
    select checked_rows.*
    from checked_rows
    semi join touched_samples
        on
            checked_rows.client = touched_samples.client
            and checked_rows.laboratory = touched_samples.laboratory
            and checked_rows.sampleNumber = touched_samples.sampleNumber
)

select
    touched.* exclude (rejection, is_ahead, sample_date_text),
    contents.file_key as sourceFile,
    contents.sha256 as sourceSha256,
    min(contents.first_arrived_at) over sample_number as first_arrived_at,
    contents.is_live and row_number() over (
        partition by touched.client, touched.laboratory, touched.sampleNumber
        order by
            contents.is_live desc,
            contents.delivered_on desc,
            touched.reportDate desc nulls last,
            contents.modified_at desc,
            contents.file_key desc,
            touched.sheet desc,
            touched.row_number desc
    ) = 1 as is_current
from touched
inner join contents on touched.content_id = contents.content_id
window sample_number as (partition by touched.client, touched.laboratory, touched.sampleNumber)
