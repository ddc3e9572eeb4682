{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per session that the exchange of a ticker held between its first and its last bar, and that has no bar.

with

spans as (
    select * from {{ ref('int_ticker_spans') }}
),

exchange_sessions as (
    select * from {{ ref('exchange_sessions') }}
),

bars as (
    select * from {{ ref('int_split_bars') }}
),

rejected as (
    select
        ticker,
        session_date,
        arg_max(reason, fetched_at) as reason
    from {{ ref('rejected_bars') }}
    group by ticker, session_date
)

select
    spans.ticker,
    spans.symbol,
    exchange_sessions.session_date,
    spans.exchange,
    spans.calendar,
    coalesce(rejected.reason, 'not_served') as reason,
    'universe' as client
from spans
inner join exchange_sessions
    on
        spans.calendar = exchange_sessions.calendar
        and exchange_sessions.session_date between spans.first_session and spans.last_session
left join bars on spans.ticker = bars.ticker and exchange_sessions.session_date = bars.session_date
left join rejected on spans.ticker = rejected.ticker and exchange_sessions.session_date = rejected.session_date
where bars.ticker is null
