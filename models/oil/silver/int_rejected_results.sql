{{ config(materialized='scope', unique_key=['row_id'], meta={'scope': 'touched_results'}) }}

-- One row per result of a current sample that is not used, with the cell that has it.

with

rejected as (
    select * from {{ ref('results') }}
    where rejection is not null and row_id in (select row_id from {{ ref('touched_results') }})
),

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
),

columns as (
    select * from {{ ref('stg_columns') }}
)

select
    rejected.client as client_code,
    rejected.rejection as reason,
    bronze_rows.sheet,
    bronze_rows.row_number,
    columns.column_name,
    rejected.sampleNumber,
    rejected.essay,
    rejected.raw_text as text,
    bronze_rows.content_id,
    rejected.row_id
from rejected
inner join bronze_rows on rejected.data_row_id = bronze_rows.row_id
inner join columns on rejected.column_id = columns.column_id
