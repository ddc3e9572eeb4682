{{ config(schema='changes', materialized='scope') }}

-- One row per ticker whose features this build computes, and since which session: its bars changed, or those of its
-- benchmark did.

with

changed_bars as (
    select * from {{ ref('changed_bars') }}
),

ticker_benchmarks as (
    select * from {{ ref('ticker_benchmarks') }}
),

of_benchmarks as (
    select
        ticker_benchmarks.ticker,
        changed_bars.since
    from ticker_benchmarks
    inner join changed_bars on ticker_benchmarks.benchmark = changed_bars.ticker
    where ticker_benchmarks.ticker not in (select held_tickers.ticker from {{ ref('held_tickers') }} as held_tickers)
),

-- It has another benchmark, or one that may have changed while the ticker was held back.
wholly as (
    select
        released_tickers.ticker,
        date '0001-01-01' as since
    from {{ ref('released_tickers') }} as released_tickers
    left join ticker_benchmarks on released_tickers.ticker = ticker_benchmarks.ticker
    left join {{ source('market_control', 'computed_tickers') }} as computed
        on released_tickers.ticker = computed.ticker
    left join {{ source('market_control', 'held_tickers') }} as held on released_tickers.ticker = held.ticker
    where held.ticker is not null or computed.benchmark is distinct from ticker_benchmarks.benchmark
),

touched as (
    from changed_bars
    union all
    from of_benchmarks
    union all
    from wholly
)

select
    ticker,
    min(since) as since
from touched
group by ticker
