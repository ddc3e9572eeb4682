{{ config(schema='silver', materialized='scope', unique_key=['ticker'], meta={'scope': 'touched_tickers'}) }}

-- depends_on: {{ ref('touched_tickers') }}
-- One row per ticker, rule and severity of its findings: how many sessions they are of, and the last of them in words.

with

findings as (
    select * from {{ ref('quality_findings') }}
    where ticker in (select touched_tickers.ticker from {{ ref('touched_tickers') }} as touched_tickers)
),

rules as (
    select * from {{ ref('quality_rules') }}
),

last_findings as (
    select
        *,
        count(*) over by_rule as findings
    from findings
    window by_rule as (partition by ticker, rule, severity)
    qualify row_number() over (partition by ticker, rule, severity order by session_date desc) = 1
)

select
    last_findings.ticker,
    last_findings.symbol,
    last_findings.rule,
    last_findings.severity,
    last_findings.findings,
    last_findings.session_date as last_session,
    last_findings.value,
    last_findings.parameter as allowed,
    rules.is_told,
    concat(
        last_findings.rule, ' on ' || last_findings.session_date, ' is ', round(last_findings.value, 4), ', at most ',
        last_findings.parameter, ' is allowed (', rules.measure, '): ', rules.advice
    ) as words,
    'universe' as client
from last_findings
inner join rules on last_findings.rule = rules.rule and last_findings.parameter = rules.parameter
