{{ config(materialized='view') }}

-- One row per arrival: what became of its rows. Nothing vanishes: read = loaded + superseded + rejected.
-- A row of a laboratory that writes a result a row shares the fate of its sample.

with

arrivals as (
    select
        *,
        if(status = 'loaded', content_id, null) as loaded_content_id
    from {{ ref('bronze_arrivals') }}
),

revisions as (
    select
        content_id,
        sum(coalesce(len(data_row_ids), 1)) filter (where is_current) as rows_loaded,
        sum(coalesce(len(data_row_ids), 1)) filter (where not is_current) as rows_superseded
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
left join revisions on arrivals.loaded_content_id = revisions.content_id
left join rejections on arrivals.loaded_content_id = rejections.content_id
