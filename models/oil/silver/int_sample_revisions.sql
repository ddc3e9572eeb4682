-- One row per usable data row; of the rows of one sample number the last to arrive is the current revision.

with

checked_rows as (
    select * from {{ ref('int_checked_rows') }} where rejection is null
),

arrivals as (
    select * from {{ ref('bronze_arrivals') }}
)

select
    checked_rows.* exclude (rejection, sample_date_text),
    arrivals.file_key as sourceFile,
    arrivals.sha256 as sourceSha256,
    row_number() over (
        partition by checked_rows.client, checked_rows.laboratory, checked_rows.sampleNumber
        order by
            coalesce(arrivals.partition_date, cast(arrivals.modified_at as date)) desc,
            checked_rows.reportDate desc nulls last,
            arrivals.modified_at desc,
            arrivals.file_key desc,
            checked_rows.sheet desc,
            checked_rows.row_number desc
    ) = 1 as is_current
from checked_rows
inner join arrivals on checked_rows.arrival_id = arrivals.arrival_id
