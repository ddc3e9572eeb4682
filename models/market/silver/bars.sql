{{ config(
    schema='silver', materialized='scope', unique_key=['ticker'],
    meta={
        'scope': 'released_tickers', 'keeps': 'held_tickers',
        'ordered_by': 'session_date',
        'notes_changes': ['split_open', 'split_high', 'split_low', 'split_close', 'split_volume', 'adjusted_close']
    }
) }}

-- depends_on: {{ ref('held_tickers') }}
-- One row per ticker and session, of tickers that no quality rule holds back: those keep the bars that they had.

with

adjusted as (
    select * from {{ ref('int_split_bars') }}
    where ticker in (select released_tickers.ticker from {{ ref('released_tickers') }} as released_tickers)
),

described as (
    select
        adjusted.*,
        responses.symbol,
        responses.exchange,
        responses.zone,
        responses.currency,
        responses.file_key
    from adjusted
    inner join {{ ref('raw_responses') }} as responses
        on adjusted.content_id = responses.content_id and responses.status = 'loaded'
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
from described
