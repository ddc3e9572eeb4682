{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per bar of a response that cannot be used, with the reason: see the seed `bar_rejections`.
select
    bars.ticker,
    responses.symbol,
    bars.content_id,
    responses.file_key,
    timezone('UTC', bars.fetched_at) as fetched_at,
    bars.position,
    bars.time,
    bars.session_date,
    bars.reason,
    bars.open,
    bars.high,
    bars.low,
    bars.close,
    bars.volume,
    'universe' as client
from {{ ref('int_served_bars') }} as bars
inner join {{ ref('raw_responses') }} as responses on bars.content_id = responses.content_id
where bars.reason is not null and responses.status = 'loaded'
