{{ config(
    schema='gold', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'},
    post_hook="{{ remember_computed_tickers() }}"
) }}

-- depends_on: {{ ref('correlations') }}, {{ ref('features') }}, {{ ref('percentiles') }}
-- One row per ticker: how far its prices reach. The last model of a build: it says which tickers are computed.

with

responses as (
    select
        ticker,
        count(*) as responses,
        max(fetched_at) as fetched_at
    from {{ ref('raw_responses') }}
    where status = 'loaded'
    group by ticker
),

bars as (
    select
        ticker,
        any_value(symbol) as symbol,
        min(session_date) as first_session,
        max(session_date) as last_session,
        arg_max(close, session_date) as close,
        arg_max(currency, session_date) as currency,
        count(*) as sessions
    from {{ ref('bars') }}
    group by ticker
),

corrections as (
    select
        ticker,
        count(*) as corrections
    from {{ ref('bar_corrections') }}
    group by ticker
),

rejected as (
    select
        ticker,
        count(*) as rejected
    from {{ ref('rejected_bars') }}
    group by ticker
),

missing_sessions as (
    select
        ticker,
        count(*) as missing
    from {{ ref('missing_sessions') }}
    group by ticker
),

indicators as (
    select
        ticker,
        arg_max(rsi_14, session_date) as rsi_14
    from {{ ref('indicators') }}
    where computation_version in (select computation_version from {{ ref('computations') }} where is_default)
    group by ticker
)

select
    touched_tickers.ticker,
    bars.symbol,
    bars.first_session,
    bars.last_session,
    bars.close,
    bars.currency,
    indicators.rsi_14,
    responses.responses,
    timezone('UTC', responses.fetched_at) as fetched_at,
    coalesce(bars.sessions, 0) as sessions,
    coalesce(corrections.corrections, 0) as corrections,
    coalesce(rejected.rejected, 0) as rejected,
    'universe' as client,
    coalesce(missing_sessions.missing, 0) as missing
from {{ ref('touched_tickers') }} as touched_tickers
inner join responses on touched_tickers.ticker = responses.ticker
left join bars on touched_tickers.ticker = bars.ticker
left join corrections on touched_tickers.ticker = corrections.ticker
left join rejected on touched_tickers.ticker = rejected.ticker
left join missing_sessions on touched_tickers.ticker = missing_sessions.ticker
left join indicators on touched_tickers.ticker = indicators.ticker
