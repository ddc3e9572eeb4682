{{ config(
    schema='silver', materialized='scope', unique_key=['ticker'],
    meta={'scope': 'released_tickers', 'keeps': 'held_tickers'}
) }}

-- depends_on: {{ ref('held_tickers') }}
-- One row per ticker and session, of tickers that no quality rule holds back: those keep the bars that they had.

with

adjusted as (
    select * from {{ ref('int_split_bars') }}
    where ticker in (select released_tickers.ticker from {{ ref('released_tickers') }} as released_tickers)
),

splits as (
    {{ splits_by('ticker', ref('int_events'), "kind = 'split' and is_counted") }}
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
        adjusted.*,
        responses.symbol,
        responses.exchange,
        responses.zone,
        responses.currency,
        responses.file_key,
        {{ product_after('payments.payments', 'adjusted.session_date') }} as dividend_ratio
    from adjusted
    inner join {{ ref('raw_responses') }} as responses
        on adjusted.content_id = responses.content_id and responses.status = 'loaded'
    left join payments on adjusted.ticker = payments.ticker
)

select
    ticker,
    symbol,
    session_date,
    exchange,
    zone,
    currency,
    open,
    high,
    low,
    close,
    adjclose,
    volume,
    traded_open,
    traded_high,
    traded_low,
    traded_close,
    traded_volume,
    split_open,
    split_high,
    split_low,
    split_close,
    split_volume,
    split_open * dividend_ratio as adjusted_open,
    split_high * dividend_ratio as adjusted_high,
    split_low * dividend_ratio as adjusted_low,
    split_close * dividend_ratio as adjusted_close,
    timezone('UTC', known_from) as known_from,
    timezone('UTC', fetched_at) as fetched_at,
    content_id,
    file_key,
    'universe' as client
from paid
