{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- One row per session that the exchange of a ticker held between its first and its last bar, and that has no bar.

with

touched_tickers as (
    select ticker from {{ ref('touched_tickers') }}
),

bars as (
    select * from {{ ref('bars') }}
    where ticker in (select touched_tickers.ticker from touched_tickers)
),

exchanges as (
    select * from {{ ref('exchanges') }}
),

exchange_sessions as (
    select * from {{ ref('exchange_sessions') }}
),

rejected as (
    select
        ticker,
        session_date,
        arg_max(reason, fetched_at) as reason
    from {{ ref('rejected_bars') }}
    group by ticker, session_date
),

spans as (
    select
        ticker,
        arg_max(symbol, session_date) as symbol,
        arg_max(exchange, session_date) as exchange,
        min(session_date) as first_session,
        max(session_date) as last_session
    from bars
    group by ticker
),

held as (
    select
        spans.ticker,
        spans.symbol,
        spans.exchange,
        exchanges.calendar,
        exchange_sessions.session_date
    from spans
    inner join exchanges on spans.exchange = exchanges.exchange
    inner join exchange_sessions
        on
            exchanges.calendar = exchange_sessions.calendar
            and exchange_sessions.session_date between spans.first_session and spans.last_session
)

select
    held.ticker,
    held.symbol,
    held.session_date,
    held.exchange,
    held.calendar,
    coalesce(rejected.reason, 'not_served') as reason,
    'universe' as client
from held
left join bars on held.ticker = bars.ticker and held.session_date = bars.session_date
left join rejected on held.ticker = rejected.ticker and held.session_date = rejected.session_date
where bars.ticker is null
