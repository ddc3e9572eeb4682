{{ config(schema='silver', materialized='scope') }}

-- One row per split and dividend that a response of a touched ticker names. Of the responses whose bars reach back to
-- its day, the one that was fetched last decides whether it counts: `is_counted`.

with

responses as (
    select * from {{ ref('raw_responses') }}
    where status = 'loaded' and names_events and ticker in (select ticker from {{ ref('touched_tickers') }})
),

reaches as (
    select
        content_id,
        min(session_date) as first_session
    from {{ ref('int_served_bars') }}
    group by content_id
),

named as (
    select
        ticker,
        content_id,
        'split' as kind,
        zone,
        fetched_at,
        unnest(split_times) as time,
        unnest(split_ratios) as served_value
    from responses
    union all
    select
        ticker,
        content_id,
        'dividend' as kind,
        zone,
        fetched_at,
        unnest(dividend_times) as time,
        unnest(dividend_amounts) as served_value
    from responses
),

events as (
    select
        ticker,
        content_id,
        kind,
        cast(timezone(zone, to_timestamp(time)) as date) as ex_date,
        max(served_value) as served_value
    from named
    where to_timestamp(time) <= fetched_at and isfinite(served_value)
    group by all
),

days as (
    select distinct
        ticker,
        kind,
        ex_date
    from events
),

deciding as (
    select
        days.ticker,
        days.kind,
        days.ex_date,
        arg_max(responses.content_id, (responses.fetched_at, responses.content_id)) as content_id
    from days
    inner join responses on days.ticker = responses.ticker
    inner join reaches on responses.content_id = reaches.content_id and days.ex_date >= reaches.first_session
    group by all
)

select
    events.*,
    deciding.content_id is not null as is_counted
from events
left join deciding
    on
        events.ticker = deciding.ticker
        and events.kind = deciding.kind
        and events.ex_date = deciding.ex_date
        and events.content_id = deciding.content_id
