-- One row per arrival: what became of its rows. Nothing vanishes: read = loaded + superseded + rejected.

with

arrivals as (
    select * from {{ ref('bronze_arrivals') }}
),

revisions as (
    select
        arrival_id,
        count(*) filter (where is_current) as rows_loaded,
        count(*) filter (where not is_current) as rows_superseded
    from {{ ref('int_sample_revisions') }}
    group by arrival_id
),

rejections as (
    select
        arrival_id,
        count(*) as rows_rejected
    from {{ ref('rejected_rows') }}
    group by arrival_id
)

select
    arrivals.client,
    arrivals.file_key,
    arrivals.status,
    arrivals.message,
    arrivals.rows_read,
    coalesce(revisions.rows_loaded, 0) as rows_loaded,
    coalesce(revisions.rows_superseded, 0) as rows_superseded,
    coalesce(rejections.rows_rejected, 0) as rows_rejected,
    arrivals.arrived_at,
    arrivals.arrival_id
from arrivals
left join revisions on arrivals.arrival_id = revisions.arrival_id
left join rejections on arrivals.arrival_id = rejections.arrival_id
