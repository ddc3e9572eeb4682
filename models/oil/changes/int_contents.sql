-- One row per content that arrived: the file it stands for, and whether that file still has it.
-- None of this depends on the order of arrival: of several files with one content the first delivered stands for it,
-- and a file that was written over has its last content only.
-- A file's times are those of its first listing: copies of a lake have other ones. A time that is later than the first
-- listing is unknown. Unknown times sort before known ones.

with

arrivals as (
    select * from {{ ref('bronze_arrivals') }} where status in ('loaded', 'duplicate')
),

first_listings as (
    select * from {{ source('control', 'first_listings') }}
),

listed as (
    select
        arrivals.* exclude (modified_at),
        coalesce(first_listings.listed_at, min(arrivals.arrived_at) over same_file) as listed_at,
        coalesce(
            first_listings.modified_at, arg_min(arrivals.modified_at, arrivals.arrived_at) over same_file
        ) as stated_at
    from arrivals
    left join first_listings
        on arrivals.file_key = first_listings.file_key and arrivals.sha256 = first_listings.sha256
    window same_file as (partition by arrivals.file_key, arrivals.sha256)
),

-- Clocks of servers differ by minutes, and a day begins up to 14 hours before it begins in UTC.
judged as (
    select
        *,
        case when stated_at <= listed_at + interval 15 minutes then stated_at end as modified_at,
        case
            when partition_date <= cast(timezone('UTC', listed_at + interval 14 hours) as date) then partition_date
        end as folder_date
    from listed
),

dated as (
    select
        *,
        case
            when partition_date is not null then folder_date
            else cast(timezone('UTC', modified_at) as date)
        end as delivered_on,
        modified_at is null or (partition_date is not null and folder_date is null) as is_dated_ahead,
        arrived_at = max(arrived_at) over (partition by file_key) as is_in_file
    from judged
),

files as (
    select
        *,
        bool_or(is_in_file) over content as is_live,
        min(arrived_at) over content as first_arrived_at,
        min(listed_at) over content as first_listed_at
    from dated
    window content as (partition by client, content_id)
    qualify row_number() over (
        partition by client, content_id
        order by is_in_file desc, delivered_on asc nulls first, modified_at asc nulls first, file_key asc
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
    is_dated_ahead,
    first_listed_at,
    concat_ws(' and ', 'folder ' || partition_date, 'time ' || strftime(timezone('UTC', stated_at), '%Y-%m-%d %H:%M'))
        as states,
    md5(concat_ws('|', is_live, file_key, delivered_on, epoch_us(modified_at))) as state
from files
