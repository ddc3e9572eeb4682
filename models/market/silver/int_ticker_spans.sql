{{ config(schema='silver', materialized='scope') }}

-- One row per touched ticker with a usable bar: its exchange, and how far its bars and its responses reach.

with

responses as (
    select * from {{ ref('raw_responses') }}
    where status = 'loaded' and ticker in (select ticker from {{ ref('touched_tickers') }})
),

fetches as (
    select
        ticker,
        cast(timezone('UTC', max(fetched_at)) as date) as fetched_on
    from responses
    group by ticker
),

served as (
    select
        content_id,
        min(session_date) as first_session,
        max(session_date) as last_session
    from {{ ref('int_split_bars') }}
    group by content_id
),

bars as (
    select
        responses.ticker,
        arg_max(responses.symbol, served.last_session) as symbol,
        arg_max(responses.exchange, served.last_session) as exchange,
        min(served.first_session) as first_session,
        max(served.last_session) as last_session
    from served
    inner join responses on served.content_id = responses.content_id
    group by responses.ticker
)

select
    bars.*,
    exchanges.calendar,
    fetches.fetched_on
from bars
inner join fetches on bars.ticker = fetches.ticker
left join {{ ref('exchanges') }} as exchanges on bars.exchange = exchanges.exchange
