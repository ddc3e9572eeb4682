{{ config(schema='silver', materialized='scope') }}

-- One row per touched ticker with a usable bar: its exchange, and how far its bars and its responses reach.

with

responses as (
    select
        ticker,
        cast(timezone('UTC', max(fetched_at)) as date) as fetched_on
    from {{ ref('raw_responses') }}
    where status = 'loaded' and ticker in (select ticker from {{ ref('touched_tickers') }})
    group by ticker
),

bars as (
    select
        ticker,
        arg_max(symbol, session_date) as symbol,
        arg_max(exchange, session_date) as exchange,
        min(session_date) as first_session,
        max(session_date) as last_session
    from {{ ref('int_split_bars') }}
    group by ticker
)

select
    bars.*,
    exchanges.calendar,
    responses.fetched_on
from bars
inner join responses on bars.ticker = responses.ticker
left join {{ ref('exchanges') }} as exchanges on bars.exchange = exchanges.exchange
