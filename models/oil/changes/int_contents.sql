-- One row per content that arrived: the file it stands for, and whether that file still has it.
-- None of this depends on the order of arrival: of several files with one content the first delivered stands for it,
-- and a file that was written over has its last content only.

with

arrivals as (
    select * from {{ ref('bronze_arrivals') }} where status in ('loaded', 'duplicate')
),

dated as (
    select
        *,
        coalesce(partition_date, cast(timezone('UTC', modified_at) as date)) as delivered_on,
        arrived_at = max(arrived_at) over (partition by file_key) as is_in_file
    from arrivals
),

files as (
    select
        *,
        bool_or(is_in_file) over content as is_live,
        min(arrived_at) over content as first_arrived_at
    from dated
    window content as (partition by client, content_id)
    qualify row_number() over (
        partition by client, content_id
        order by is_in_file desc, delivered_on asc, modified_at asc, file_key asc
    ) = 1
)

select
    client,
    content_id,
    sha256,
    version_id,
    is_live,
    first_arrived_at,
    file_key,
    size_bytes,
    delivered_on,
    modified_at,
    md5(concat_ws('|', is_live, file_key, delivered_on, epoch_us(modified_at))) as state
from files
