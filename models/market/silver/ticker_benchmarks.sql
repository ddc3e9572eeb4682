{{ config(schema='silver', materialized='scope') }}

-- One row per ticker that has a benchmark: that of the exchange of its last session. A benchmark has none itself.

with

indices as (
    select * from {{ ref('benchmarks') }}
),

exchanges as (
    select
        ticker,
        arg_max(exchange, session_date) as exchange
    from {{ ref('bars') }}
    group by ticker
)

select
    exchanges.ticker,
    indices.benchmark
from exchanges
inner join indices on exchanges.exchange = indices.exchange
where exchanges.ticker not in (select listed.benchmark from indices as listed)
