{{ config(schema='silver', materialized='scope') }}

-- One row per usable bar of each response of a touched ticker, as it was traded: a response divides its prices by the
-- splits that it names, so they are multiplied by those after the session. A file that names none is divided by those
-- until it was fetched.

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
)

select
    *,
    open * own_ratio as traded_open,
    high * own_ratio as traded_high,
    low * own_ratio as traded_low,
    close * own_ratio as traded_close,
    volume / own_ratio as traded_volume
from divided
