{{ config(schema='silver', materialized='scope') }}

-- One row per session of a touched ticker, adjusted for the splits that are known: of several responses the last
-- fetched counts, whatever order they arrive in. Whether it becomes a bar, the quality rules say.

with

current_bars as (
    select * from {{ ref('int_revised_bars') }} where is_current
),

splits as (
    {{ splits_by('ticker', ref('int_events'), "kind = 'split' and is_counted") }}
),

split_adjusted as (
    select
        current_bars.*,
        {{ product_after('splits.splits', 'current_bars.session_date') }} as known_ratio
    from current_bars
    left join splits on current_bars.ticker = splits.ticker
)

select
    *,
    -- A price of a response that knows all splits stays as it was served, to the last bit.
    open * (own_ratio / known_ratio) as split_open,
    high * (own_ratio / known_ratio) as split_high,
    low * (own_ratio / known_ratio) as split_low,
    close * (own_ratio / known_ratio) as split_close,
    volume * (known_ratio / own_ratio) as split_volume
from split_adjusted
