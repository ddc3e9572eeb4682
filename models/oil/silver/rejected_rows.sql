-- One row per data row that cannot be used, with the reason and every cell it has.

with

checked_rows as (
    select * from {{ ref('int_checked_rows') }} where rejection is not null
),

bronze_rows as (
    select * from {{ ref('bronze_rows') }}
),

arrivals as (
    select * from {{ ref('bronze_arrivals') }}
)

select
    checked_rows.client,
    arrivals.file_key,
    checked_rows.sheet,
    checked_rows.row_number,
    checked_rows.rejection as reason,
    checked_rows.sampleNumber,
    bronze_rows.cells as raw_cells,
    checked_rows.arrival_id
from checked_rows
inner join bronze_rows on checked_rows.row_id = bronze_rows.row_id
inner join arrivals on checked_rows.arrival_id = arrivals.arrival_id
