"""What a run reports of the quality rules: see the seed `quality_rules` and the model `quality_findings`."""

from __future__ import annotations

from typing import Any

import duckdb

from tribolake.product import Progress, Step, StepResult
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

SHOWN = 50
# A ticker that is not fetched is not touched either, so no model of a build measures it. Sessions of the day of a fetch
# do not count, as those of `stale`: they may not have ended.
NOT_FETCHED = """
    select
        left_out.ticker, left_out.symbol, rules.rule, rules.severity, 1 as findings, left_out.last_session,
        left_out.sessions as value, rules.parameter as allowed, rules.is_told,
        concat(
            rules.rule, ' is ', left_out.sessions, ' since the last fetch on ', left_out.fetched_on, ', at most ',
            rules.parameter, ' is allowed (', rules.measure, '): ', rules.advice
        ) as words
    from (
        select
            fetched.ticker, fetched.symbol, fetched.fetched_on, count(*) as sessions,
            max(held.session_date) as last_session
        from (
            select
                ticker, any_value(symbol) as symbol, arg_max(exchange, fetched_at) as exchange,
                cast(timezone('UTC', max(fetched_at)) as date) as fetched_on,
                max(cast(timezone('UTC', max(fetched_at)) as date)) over () as last_fetch_on
            from bronze.raw_responses
            where status = 'loaded'
            group by ticker
        ) as fetched
        inner join seeds.exchanges as exchanges on fetched.exchange = exchanges.exchange
        inner join silver.exchange_sessions as held
            on
                exchanges.calendar = held.calendar
                and held.session_date > fetched.fetched_on and held.session_date < fetched.last_fetch_on
        group by fetched.ticker, fetched.symbol, fetched.fetched_on
    ) as left_out
    inner join seeds.quality_rules as rules on rules.rule = 'not_fetched' and left_out.sessions > rules.parameter
    where
        not exists (
            from seeds.quality_accepted as accepted
            where accepted.ticker = left_out.ticker and accepted.rule = rules.rule
        )
"""
QUALITY = f"""
    select ticker, symbol, rule, severity, findings, last_session, value, allowed, is_told, words
    from silver.ticker_quality
    union all
    {NOT_FETCHED}
"""
FINDINGS = f"""
    select
        ticker, symbol, rule, severity, findings, cast(last_session as varchar) as last_session, value, allowed, words
    from ({QUALITY})
"""
ORDER = "order by severity = 'hold back' desc, last_session desc nulls first, ticker, rule"
OF_THIS_RUN = f"""
    {FINDINGS}
    where rule = 'not_fetched' or ticker in (select ticker from changes.touched_tickers)
    {ORDER}
"""
ALL = f"{FINDINGS} {ORDER}"
HELD = """
    select quality.ticker, symbol, string_agg(words, '; ' order by rule) as problem, any_value(held.since) as since
    from silver.ticker_quality as quality
    left join control.held_tickers as held on quality.ticker = held.ticker
    where severity = 'hold back'
    group by quality.ticker, symbol
    order by quality.ticker
"""
# The identity says which rules: another one is told, and the same one is not told again.
TROUBLES = f"""
    select
        concat('quality ', ticker, ' ', severity, ' ', string_agg(rule, ' ' order by rule)),
        concat(
            symbol,
            if(severity = 'hold back', ' is held back, and keeps what it has published: ', ' is published, but '),
            string_agg(words, '; ' order by rule)
        )
    from ({QUALITY})
    where is_told and severity <> 'accepted'
    group by ticker, symbol, severity
"""


def check(warehouse: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, progress: Progress) -> StepResult:
    """Report which tickers are held back, and what the rules found of the tickers that this run touched."""
    del settings, run_id
    held = rows_of(warehouse, HELD)
    for ticker in held:
        progress(f"{ticker['symbol']} is held back")
    found = rows_of(warehouse, OF_THIS_RUN)
    report: dict[str, Any] = {
        "held_back": {ticker["ticker"]: ticker["problem"] for ticker in held},
        "findings": found[:SHOWN],
        "more_findings": max(len(found) - SHOWN, 0),
    }
    return StepResult(report=report, needs_a_look=bool(held))


STEP = Step("check", "quality", check)
