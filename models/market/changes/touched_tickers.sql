{{ config(schema='changes', materialized='scope', pre_hook="{{ forget_computed_tickers() }}") }}

-- One row per ticker whose responses are not those from which it was computed, or held back, last. A killed build did
-- not say that it computed, so the next one touches the same tickers.

with

responses as (
    select * from {{ ref('raw_responses') }} where status = 'loaded'
),

computed_tickers as (
    select
        coalesce(held.ticker, computed.ticker) as ticker,
        if(held.ticker is null, computed.state, held.state) as state
    from {{ source('market_control', 'computed_tickers') }} as computed
    full join {{ source('market_control', 'held_tickers') }} as held on computed.ticker = held.ticker
),

states as (
    select
        ticker,
        md5(string_agg(content_id, ',' order by content_id)) as state
    from responses
    group by ticker
)

select
    states.state,
    coalesce(states.ticker, computed_tickers.ticker) as ticker
from states
full join computed_tickers on states.ticker = computed_tickers.ticker
{%- if is_incremental() %}
    where states.state is distinct from computed_tickers.state
{%- endif %}
