"""What a run reports of the quality rules: see the seed `quality_rules` and the model `quality_findings`."""

from __future__ import annotations

from typing import Any

import duckdb

from tribolake.product import Progress, Step, StepResult
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

SHOWN = 50
FINDINGS = """
    select
        ticker, symbol, rule, severity, findings, cast(last_session as varchar) as last_session, value, allowed, words
    from silver.ticker_quality
"""
ORDER = "order by severity = 'hold back' desc, last_session desc nulls first, ticker, rule"
OF_THIS_RUN = f"{FINDINGS} where ticker in (select ticker from changes.touched_tickers) {ORDER}"
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
TROUBLES = """
    select
        concat('quality ', ticker, ' ', severity, ' ', string_agg(rule, ' ' order by rule)),
        concat(
            symbol,
            if(severity = 'hold back', ' is held back, and keeps what it has published: ', ' is published, but '),
            string_agg(words, '; ' order by rule)
        )
    from silver.ticker_quality
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
