{{ config(schema='silver', materialized='scope') }}

-- One row per usable bar of each response of a touched ticker, as it was traded, with the bar that was known before it,
-- and with when the value that counts now became known.

with

bars as (
    select * from {{ ref('int_served_bars') }} where reason is null
),

split_events as (
    select * from {{ ref('int_events') }} where kind = 'split'
),

files as (
    select distinct
        ticker,
        content_id,
        cast(timezone('UTC', fetched_at) as date) as fetched_on
    from bars
    where not names_events
),

-- A response divides its prices by the splits that it names, so they are multiplied by those after the session. A file
-- that names none is divided by those until it was fetched.
divisors as (
    select
        content_id,
        ex_date,
        served_value
    from split_events
    union all
    select
        files.content_id,
        split_events.ex_date,
        split_events.served_value
    from files
    inner join split_events on files.ticker = split_events.ticker and files.fetched_on >= split_events.ex_date
    where split_events.is_counted
),

splits as (
    {{ splits_by('content_id', 'divisors') }}
),

divided as (
    select
        bars.* exclude (reason, position, time),
        {{ product_after('splits.splits', 'bars.session_date') }} as own_ratio
    from bars
    left join splits on bars.content_id = splits.content_id
),

traded as (
    select
        *,
        open * own_ratio as traded_open,
        high * own_ratio as traded_high,
        low * own_ratio as traded_low,
        close * own_ratio as traded_close,
        volume / own_ratio as traded_volume
    from divided
),

compared as (
    select
        *,
        row_number() over by_fetch as revision,
        lead(content_id) over by_fetch is null as is_current,
        lag(content_id) over by_fetch as content_before,
        lag(own_ratio) over by_fetch as ratio_before,
        lag(traded_open) over by_fetch as open_before,
        lag(traded_high) over by_fetch as high_before,
        lag(traded_low) over by_fetch as low_before,
        lag(traded_close) over by_fetch as close_before,
        lag(traded_volume) over by_fetch as volume_before
    from traded
    window by_fetch as (partition by ticker, session_date order by fetched_at, content_id)
),

rounded as (
    select
        *,
        -- Volumes are in whole shares as served. One of them is several as traded, or a part.
        if(own_ratio = ratio_before, 0, 1 / own_ratio + 1 / ratio_before) as shares_hidden
    from compared
),

judged as (
    select
        *,
        content_before is not null and (
            {{ is_corrected('open_before', 'traded_open') }}
            or {{ is_corrected('high_before', 'traded_high') }}
            or {{ is_corrected('low_before', 'traded_low') }}
            or {{ is_corrected('close_before', 'traded_close') }}
            or {{ is_corrected('volume_before', 'traded_volume', 'shares_hidden') }}
        ) as is_correction
    from rounded
)

select
    * exclude (ratio_before, shares_hidden),
    max(case when is_correction or content_before is null then fetched_at end) over (
        partition by ticker, session_date
    ) as known_from
from judged
