{{ config(schema='changes', materialized='scope') }}

-- One row per ticker whose features this build computes: touched, or with a touched benchmark.

with

touched_tickers as (
    select ticker from {{ ref('touched_tickers') }}
),

ticker_benchmarks as (
    select * from {{ ref('ticker_benchmarks') }}
)

select ticker from touched_tickers
union
select ticker_benchmarks.ticker
from ticker_benchmarks
inner join touched_tickers on ticker_benchmarks.benchmark = touched_tickers.ticker
