{{ config(schema='silver', materialized='scope') }}

-- One row per thing of a touched ticker that a quality rule measures. The seed `quality_rules` says what each measure
-- is, and above which value it is a finding. A measure of a whole ticker has no session.

with

bars as (
    select * from {{ ref('int_split_bars') }}
),

moves as (
    select * from {{ ref('int_price_moves') }}
),

spans as (
    select * from {{ ref('int_ticker_spans') }}
),

responses as (
    select * from {{ ref('raw_responses') }} where status = 'loaded'
),

broken_price as (
    select
        ticker,
        session_date,
        content_id,
        1.0 as value
    from bars
    where
        not (
            least(traded_open, traded_high, traded_low, traded_close) > 1e-30
            and least(split_open, split_high, split_low, split_close) * dividend_ratio between 1e-30 and 1e30
            and greatest(traded_open, traded_high, traded_low, traded_close, traded_volume) < 1e30
            and greatest(split_open, split_high, split_low, split_close, split_volume) < 1e30
        )
),

recent_gaps as (
    select
        gaps.ticker,
        count(*) as sessions
    from {{ ref('missing_sessions') }} as gaps
    inner join spans on gaps.ticker = spans.ticker and gaps.session_date > spans.last_session - 365
    group by gaps.ticker
),

recent_bars as (
    select
        bars.ticker,
        count(*) as sessions
    from bars
    inner join spans on bars.ticker = spans.ticker and bars.session_date > spans.last_session - 365
    group by bars.ticker
),

incomplete as (
    select
        recent_gaps.ticker,
        null as session_date,
        null as content_id,
        recent_gaps.sessions / (recent_gaps.sessions + recent_bars.sessions) as value
    from recent_gaps
    inner join recent_bars on recent_gaps.ticker = recent_bars.ticker
),

-- A session of a day before that of the fetch has ended, in whatever zone.
stale as (
    select
        spans.ticker,
        null as session_date,
        null as content_id,
        count(*) as value
    from spans
    inner join {{ ref('exchange_sessions') }} as held
        on
            spans.calendar = held.calendar
            and spans.last_session < held.session_date
            and spans.fetched_on > held.session_date
    group by spans.ticker
),

dividend_large as (
    select
        ticker,
        session_date,
        content_id,
        dividend_share as value
    from bars
    where dividend_share is not null
),

volume_zero as (
    select
        ticker,
        session_date,
        content_id,
        avg(cast(volume > 0 as integer)) over (partition by ticker) as value
    from bars
    qualify volume = 0
),

-- The part of the split that a jump is above the ticker's own noise, and how near the jump is to the split: both count.
split_unmoved as (
    select
        ticker,
        session_date,
        content_id,
        least(
            (abs(log_return) - 4 * noise) / abs(log_split),
            1 - abs(abs(log_return) - abs(log_split)) / abs(log_split)
        ) as value
    from moves
    where log_split <> 0
),

-- 1 is a price that was divided or multiplied by a whole number.
moved_like_split as (
    select
        ticker,
        session_date,
        content_id,
        exp(-abs(abs(log_return) - ln(round(exp(abs(log_return)))))) as value
    from moves
    where log_split is null and abs(log_return) between ln(1.5) and ln(1000) and deviations > 8 and turnover < 3
),

currency_mixed as (
    select
        bars.ticker,
        bars.session_date,
        bars.content_id,
        1.0 as value
    from bars
    inner join responses on bars.content_id = responses.content_id
    where responses.currency is not null
    qualify responses.currency <> lag(responses.currency) over (partition by bars.ticker order by bars.session_date)
),

-- Such a dividend is not a number: it is no share of the prices.
dividend_currency as (
    select
        ticker,
        null as session_date,
        content_id,
        1.0 as value
    from responses
    where ticker in (select spans.ticker from spans)
    qualify
        row_number() over (partition by ticker order by fetched_at desc, content_id desc) = 1
        and len(list_filter(dividend_amounts, lambda amount: isnan(amount))) > 0
),

gains_in_dividend as (
    select
        ticker,
        ex_date as session_date,
        content_id,
        gains_share as value
    from {{ ref('int_events') }}
    where is_counted and gains_share is not null
),

exchange_unknown as (
    select
        ticker,
        null as session_date,
        null as content_id,
        1.0 as value
    from spans
    where exchange is not null and calendar is null
),

currency_changed as (
    select
        ticker,
        null as session_date,
        content_id,
        1.0 as value
    from responses
    where currency is not null and ticker in (select spans.ticker from spans)
    window by_fetch as (partition by ticker order by fetched_at, content_id)
    qualify
        lead(content_id) over by_fetch is null
        and currency <> lag(currency) over by_fetch
        and currency is distinct from lag(currency, 2) over by_fetch
)

{% for rule in [
    'broken_price', 'incomplete', 'stale', 'volume_zero', 'split_unmoved', 'moved_like_split', 'dividend_large',
    'currency_mixed', 'dividend_currency', 'gains_in_dividend', 'exchange_unknown', 'currency_changed'
] %}
    select
        ticker,
        '{{ rule }}' as rule,
        cast(session_date as date) as session_date,
        cast(content_id as varchar) as content_id,
        cast(value as double) as value
    from {{ rule }}
    union all
{% endfor %}
select
    ticker,
    'outlier' as rule,
    session_date,
    content_id,
    deviations as value
from moves
