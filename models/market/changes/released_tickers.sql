{{ config(schema='changes', materialized='scope') }}

-- One row per touched ticker that no quality rule holds back: its bars and all that follows from them are made again.
select ticker
from {{ ref('touched_tickers') }}
where ticker not in (select held_tickers.ticker from {{ ref('held_tickers') }} as held_tickers)
