{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per bar that a response corrected: its traded prices or volume differ by more than 1e-6 from those of the
-- response that was fetched before. Smaller differences are Yahoo's rounding around a split, as is a share of volume.
select
    ticker,
    session_date,
    timezone('UTC', fetched_at) as corrected_at,
    content_id,
    content_before,
    open_before,
    traded_open as open_after,
    high_before,
    traded_high as high_after,
    low_before,
    traded_low as low_after,
    close_before,
    traded_close as close_after,
    volume_before,
    traded_volume as volume_after,
    'universe' as client
from {{ ref('int_revised_bars') }}
where is_correction
