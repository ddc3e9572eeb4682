{{ config(materialized='scope', unique_key=['content_id'], meta={'scope': 'pending_contents'}) }}

-- One row per data row that cannot be used, with the reason and every cell it has.

with

pending_contents as (
    select * from {{ ref('pending_contents') }}
),

checked_rows as (
    select
        *,
        unnest(coalesce(data_row_ids, [row_id])) as data_row_id
    from {{ ref('int_checked_rows') }}
    where rejection is not null and content_id in (select content_id from pending_contents)
),

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
)

select
    checked_rows.client,
    pending_contents.file_key,
    checked_rows.sheet,
    bronze_rows.row_number,
    checked_rows.rejection as reason,
    left(checked_rows.rejection_text, 100) as text,
    checked_rows.sampleNumber,
    bronze_rows.cells as raw_cells,
    checked_rows.content_id,
    checked_rows.row_id
from checked_rows
inner join bronze_rows on checked_rows.data_row_id = bronze_rows.row_id
inner join pending_contents on checked_rows.content_id = pending_contents.content_id
