{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per bar of a response that cannot be used, with the reason: see the seed `bar_rejections`.
select
    ticker,
    symbol,
    content_id,
    file_key,
    timezone('UTC', fetched_at) as fetched_at,
    position,
    time,
    session_date,
    reason,
    open,
    high,
    low,
    close,
    volume,
    'universe' as client
from {{ ref('int_served_bars') }}
where reason is not null
