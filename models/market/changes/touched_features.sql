{{ config(schema='changes', materialized='scope') }}

-- One row per ticker whose features this build computes: released, or with a released benchmark and not held back.

with

released_tickers as (
    select ticker from {{ ref('released_tickers') }}
),

ticker_benchmarks as (
    select * from {{ ref('ticker_benchmarks') }}
)

select ticker from released_tickers
union
select ticker_benchmarks.ticker
from ticker_benchmarks
inner join released_tickers on ticker_benchmarks.benchmark = released_tickers.ticker
where ticker_benchmarks.ticker not in (select held_tickers.ticker from {{ ref('held_tickers') }} as held_tickers)
