{{ config(schema='silver', materialized='scope') }}

-- One row per day on which a response of a touched ticker names splits, or dividends. Of the responses whose bars reach
-- back to the day, the one that was fetched last decides whether it counts: `is_counted`.

with

responses as (
    select * from {{ ref('raw_responses') }}
    where status = 'loaded' and names_events and ticker in (select ticker from {{ ref('touched_tickers') }})
),

reaches as (
    select
        content_id,
        min(session_date) as first_session
    from {{ ref('int_served_bars') }}
    group by content_id
),

named as (
    {% for kind, section, times, values in [
        ('split', 'splits', 'split_times', 'split_ratios'),
        ('dividend', 'dividends', 'dividend_times', 'dividend_amounts'),
        ('dividend', 'capitalGains', 'gain_times', 'gain_amounts')
    ] %}
        select
            ticker,
            content_id,
            '{{ kind }}' as kind,
            '{{ section }}' as section,
            zone,
            fetched_at,
            unnest({{ times }}) as time,
            unnest({{ values }}) as served_value
        from responses
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

of_days as (
    select
        ticker,
        content_id,
        kind,
        cast(timezone(zone, to_timestamp(time)) as date) as ex_date,
        list(
            struct_pack(section := section, seconds := time, served_value := served_value)
            order by section, time, served_value
        ) as parts
    from named
    where to_timestamp(time) <= fetched_at and isfinite(served_value)
    group by ticker, content_id, kind, ex_date
),

-- Sums and products of lists are in their order: the same bits in every run.
totals as (
    select
        *,
        list_product([part.served_value for part in parts]) as ratio,
        coalesce(list_sum([part.served_value for part in parts if part.section = 'dividends']), 0) as dividend,
        coalesce(list_sum([part.served_value for part in parts if part.section = 'capitalGains']), 0) as gains
    from of_days
),

-- Yahoo adds the gains that a fund distributes to its dividend of the day, and did not always. A dividend that is
-- smaller, but for what rounding to cents takes, cannot have them in it.
judged as (
    select
        *,
        gains > 0 and dividend >= 0.99 * gains as has_gains
    from totals
),

-- Several splits of a day are one by their product, and several dividends are one by their sum.
events as (
    select
        ticker,
        content_id,
        kind,
        ex_date,
        case
            when kind = 'split' then ratio
            when has_gains then dividend
            else dividend + gains
        end as served_value,
        if(has_gains, gains / dividend, null) as gains_share,
        if(has_gains, list_filter(parts, lambda part: part.section = 'dividends'), parts) as parts
    from judged
),

days as (
    select distinct
        ticker,
        kind,
        ex_date
    from events
),

deciding as (
    select
        days.ticker,
        days.kind,
        days.ex_date,
        arg_max(responses.content_id, (responses.fetched_at, responses.content_id)) as content_id
    from days
    inner join responses on days.ticker = responses.ticker
    inner join reaches on responses.content_id = reaches.content_id and days.ex_date >= reaches.first_session
    group by all
)

select
    events.*,
    deciding.content_id is not null as is_counted
from events
left join deciding
    on
        events.ticker = deciding.ticker
        and events.kind = deciding.kind
        and events.ex_date = deciding.ex_date
        and events.content_id = deciding.content_id
