{{ config(schema='silver', materialized='scope') }}

-- One row per session of a touched ticker, adjusted for the splits that are known: of several responses the last
-- fetched counts, whatever order they arrive in. `dividend_ratio` adjusts for dividends too. Whether it becomes a bar,
-- the quality rules say.

with

current_bars as (
    select * from {{ ref('int_revised_bars') }} where is_current
),

splits as (
    {{ splits_by('ticker', ref('int_events'), "kind = 'split' and is_counted") }}
),

known as (
    select
        current_bars.*,
        {{ product_after('splits.splits', 'current_bars.session_date') }} as known_ratio
    from current_bars
    left join splits on current_bars.ticker = splits.ticker
),

adjusted as (
    select
        *,
        -- A price of a response that knows all splits stays as it was served, to the last bit.
        open * (own_ratio / known_ratio) as split_open,
        high * (own_ratio / known_ratio) as split_high,
        low * (own_ratio / known_ratio) as split_low,
        close * (own_ratio / known_ratio) as split_close,
        volume * (known_ratio / own_ratio) as split_volume
    from known
),

dividends as (
    select
        events.ticker,
        events.ex_date,
        events.served_value,
        events.content_id,
        max(adjusted.session_date) as day_before
    from {{ ref('int_events') }} as events
    inner join adjusted on events.ticker = adjusted.ticker and events.ex_date > adjusted.session_date
    where events.kind = 'dividend' and events.is_counted
    group by all
),

own_splits as (
    {{ splits_by('content_id', ref('int_events'), "kind = 'split'") }}
),

-- A dividend lowers the prices before it by its share of the close of the day before. Its amount was served divided by
-- the splits of its response.
shares as (
    select
        dividends.ticker,
        dividends.ex_date,
        dividends.day_before,
        1.0 - dividends.served_value
        * (
            {{ product_after('own_splits.splits', 'dividends.ex_date') }}
            / {{ product_after('splits.splits', 'dividends.ex_date') }}
        )
        / adjusted.split_close as ratio
    from dividends
    inner join adjusted
        on dividends.ticker = adjusted.ticker and dividends.day_before = adjusted.session_date
    left join own_splits on dividends.content_id = own_splits.content_id
    left join splits on dividends.ticker = splits.ticker
),

payments as (
    select
        ticker,
        list(struct_pack(day := ex_date, ratio := ratio) order by ex_date) filter (where ratio > 0) as payments
    from shares
    group by ticker
),

paid as (
    select
        ticker,
        day_before,
        1.0 - greatest(min(ratio), -1e9) as dividend_share
    from shares
    group by ticker, day_before
)

select
    adjusted.*,
    paid.dividend_share,
    {{ product_after('payments.payments', 'adjusted.session_date') }} as dividend_ratio
from adjusted
left join payments on adjusted.ticker = payments.ticker
left join paid on adjusted.ticker = paid.ticker and adjusted.session_date = paid.day_before
