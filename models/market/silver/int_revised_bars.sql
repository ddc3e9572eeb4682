{{ config(schema='silver', materialized='scope') }}

-- One row per usable bar of each response of a touched ticker, with the bar that was known before it, and with when the
-- value that counts now became known.

with

bars as (
    select * from {{ ref('int_traded_bars') }}
),

compared as (
    select
        *,
        row_number() over by_fetch as revision,
        row_number() over (
            partition by ticker, session_date order by fetched_at desc, content_id desc
        ) = 1 as is_current,
        lag(content_id) over by_fetch as content_before,
        lag(traded_open) over by_fetch as open_before,
        lag(traded_high) over by_fetch as high_before,
        lag(traded_low) over by_fetch as low_before,
        lag(traded_close) over by_fetch as close_before,
        lag(traded_volume) over by_fetch as volume_before
    from bars
    window by_fetch as (partition by ticker, session_date order by fetched_at, content_id)
),

judged as (
    select
        *,
        content_before is not null and (
            {{ is_corrected('open_before', 'traded_open') }}
            or {{ is_corrected('high_before', 'traded_high') }}
            or {{ is_corrected('low_before', 'traded_low') }}
            or {{ is_corrected('close_before', 'traded_close') }}
            or {{ is_corrected('volume_before', 'traded_volume') }}
        ) as is_correction
    from compared
)

select
    *,
    max(case when is_correction or content_before is null then fetched_at end) over (
        partition by ticker, session_date
    ) as known_from
from judged
