{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per measure of a ticker above what a quality rule allows. Of two severities `hold back` counts. What the seed
-- `quality_accepted` names is `accepted`.

with

measures as (
    select * from {{ ref('int_quality_measures') }}
),

rules as (
    select * from {{ ref('quality_rules') }}
),

accepted as (
    select * from {{ ref('quality_accepted') }}
)

select
    measures.ticker,
    spans.symbol,
    measures.rule,
    measures.session_date,
    measures.value,
    rules.parameter,
    responses.file_key,
    if(accepted.ticker is null, rules.severity, 'accepted') as severity,
    'universe' as client
from measures
inner join rules on measures.rule = rules.rule and measures.value > rules.parameter
inner join {{ ref('int_ticker_spans') }} as spans on measures.ticker = spans.ticker
left join {{ ref('raw_responses') }} as responses
    on measures.content_id = responses.content_id and responses.status = 'loaded'
left join accepted
    on
        measures.ticker = accepted.ticker
        and measures.rule = accepted.rule
        and measures.session_date is not distinct from accepted.session_date
where isfinite(measures.value)
qualify row_number() over (
    partition by measures.ticker, measures.rule, measures.session_date
    order by rules.severity = 'hold back' desc, rules.parameter desc
) = 1
