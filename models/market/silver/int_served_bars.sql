{{ config(schema='silver', materialized='scope') }}

-- One row per bar of each response of a touched ticker, as it was served, with the reason why it cannot be used.
-- A session is a day in the zone of the exchange.

with

-- Materialized, so that it is computed for each response and not for each of its bars.
responses as materialized (
    select
        ticker,
        content_id,
        fetched_at,
        zone,
        names_events,
        cast(timezone(coalesce(zone, 'UTC'), to_timestamp(regular_start)) as date) as regular_day,
        coalesce(to_timestamp(regular_end) <= fetched_at, false) as has_ended,
        -- Days of a file without a zone may be a day ahead of UTC.
        cast(timezone(coalesce(zone, 'UTC'), fetched_at) as date) + cast(zone is null as integer) as fetched_on,
        times,
        open,
        high,
        low,
        close,
        volume,
        coalesce(adjclose, list_resize(cast([] as double[]), len(times))) as adjclose
    from {{ ref('raw_responses') }}
    where status = 'loaded' and ticker in (select ticker from {{ ref('touched_tickers') }})
),

bars as (
    select
        * exclude (times, open, high, low, close, volume, adjclose),
        unnest(range(1, len(times) + 1)) as position,
        unnest(times) as time,
        unnest(open) as open,
        unnest(high) as high,
        unnest(low) as low,
        unnest(close) as close,
        unnest(volume) as volume,
        unnest(adjclose) as adjclose
    from responses
),

-- Each time is turned into a day once: the calendar takes longer than all else here.
days as (
    select
        zone,
        time,
        cast(timezone(coalesce(zone, 'UTC'), to_timestamp(time)) as date) as session_date
    from bars
    group by zone, time
),

dated as (
    select
        bars.* exclude (open, high, low, volume, adjclose),
        nullif(bars.open, 'nan') as open,
        nullif(bars.high, 'nan') as high,
        nullif(bars.low, 'nan') as low,
        nullif(bars.volume, 'nan') as volume,
        nullif(bars.adjclose, 'nan') as adjclose,
        days.session_date,
        -- A response that does not say when the session of its own day ends does not know that it has ended.
        case
            when bars.regular_day is null or (bars.has_ended and bars.regular_day < bars.fetched_on)
                then bars.fetched_on
            when not bars.has_ended then bars.regular_day
        end as unfinished_from
    from bars
    left join days on bars.zone is not distinct from days.zone and bars.time is not distinct from days.time
),

judged as (
    select
        *,
        case
            when session_date is null then 'time_unreadable'
            when session_date > fetched_on then 'date_not_come'
            when session_date >= unfinished_from then 'session_unfinished'
            when close is null or isnan(close) then 'close_missing'
            when isinf(close) or isinf(open) or isinf(high) or isinf(low) or isinf(volume) then 'not_finite'
            when least(open, high, low, close) <= 0 then 'price_not_positive'
            when volume < 0 then 'volume_negative'
            when high < greatest(open, close) then 'high_below_price'
            when low > least(open, close) then 'low_above_price'
        end as own_reason
    from dated
)

select
    * exclude (own_reason, unfinished_from, regular_day, has_ended, fetched_on, zone),
    case
        when own_reason is not null then own_reason
        when row_number() over (
            partition by content_id, session_date, own_reason is null
            order by position
        ) > 1 then 'session_doubled'
    end as reason
from judged
