{{ config(materialized='view') }}

-- One row per arrival: what became of its rows. Nothing vanishes: read = loaded + superseded + rejected.

with

arrivals as (
    select * from {{ ref('bronze_arrivals') }}
),

revisions as (
    select
        content_id,
        count(*) filter (where is_current) as rows_loaded,
        count(*) filter (where not is_current) as rows_superseded
    from {{ ref('int_sample_revisions') }}
    group by content_id
),

rejections as (
    select
        content_id,
        count(*) as rows_rejected
    from {{ ref('rejected_rows') }}
    group by content_id
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
left join revisions on arrivals.status = 'loaded' and arrivals.content_id = revisions.content_id
left join rejections on arrivals.status = 'loaded' and arrivals.content_id = rejections.content_id
