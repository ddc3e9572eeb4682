"""Bodies of the processed objects that bring the last session of tickers, from the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import duckdb

from tribolake.market.applied_versions import CURRENT
from tribolake.market.bodies import computed_body
from tribolake.market.product_code import code_of
from tribolake.market.session_values import values_of
from tribolake.run.warehouse import rows_of

# Of the tickers `$tickers`, ordered by ticker.
LAST_SESSIONS = {
    kind: f"""
        with chosen as (from gold.{kind} where list_contains($tickers, ticker) {chosen})
        from chosen
        where (ticker, session_date) in (select (ticker, max(session_date)) from chosen group by ticker)
        order by all
    """
    for kind, chosen in (
        ("indicators", f"and computation_version = ({CURRENT})"),
        ("percentiles", f"and computation_version = ({CURRENT})"),
        ("features", ""),
    )
}
# Bars count, and splits and dividends: a response that names one is used even if others served its bars again. Without
# `$session` all bars count.
SOURCES = """
    with

    used as (
        select ticker, content_id, session_date
        from silver.bars
        where list_contains($tickers, ticker) and session_date <= coalesce($session, session_date)
        union all
        select distinct ticker, content_id, null from silver.int_events
        where list_contains($tickers, ticker) and is_counted
    )

    select used.ticker, responses.file_key as key, responses.version_id, responses.sha256,
        count(used.session_date) as sessions
    from used
    inner join bronze.raw_responses as responses on used.content_id = responses.content_id
    where responses.status = 'loaded'
    group by all
    order by used.ticker, key
"""


def last_bodies(
    warehouse: duckdb.DuckDBPyConnection, asked: Sequence[tuple[str, str, str]], at: datetime, run_id: str
) -> dict[tuple[str, str], str]:
    """Return the text of objects.

    Args:
        warehouse: with what a run computed.
        asked: kind, ticker and symbol of each object.
        at: when it was computed.
        run_id: the run that computed it.

    Returns:
        The text by kind and ticker. A ticker without values in any session has none.
    """
    if not asked:
        return {}
    tickers, code, bodies = sorted({ticker for _, ticker, _ in asked}), code_of(), {}
    sources = _by_ticker(sources_in(warehouse, tickers))
    last_sessions = {
        kind: _by_ticker(rows_of(warehouse, query, {"tickers": tickers})) for kind, query in LAST_SESSIONS.items()
    }
    for kind, ticker, symbol in asked:
        if rows := last_sessions[kind].get(ticker):
            values, undefined = values_of(kind, rows)
            bodies[kind, ticker] = computed_body(
                kind,
                symbol,
                values,
                sources_of(sources[ticker]),
                at,
                rows[0]["computation_version"],
                session_date=rows[0]["session_date"],
                undefined=undefined,
                run_id=run_id,
                code=code,
            ).decode()
    return bodies


def sources_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of :func:`sources_in` as a body has them."""
    return [{name: value for name, value in row.items() if name != "ticker"} for row in rows]


def sources_in(
    warehouse: duckdb.DuckDBPyConnection, tickers: Sequence[str], session: date | None = None
) -> list[dict[str, Any]]:
    """Return the raw objects that values of tickers were computed from, with the number of sessions of each.

    Args:
        warehouse: or a database of :func:`tribolake.market.derived.derived`.
        tickers: in their written form.
        session: count the sessions until this one; None is all.
    """
    return rows_of(warehouse, SOURCES, {"tickers": list(tickers), "session": session})


def _by_ticker(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["ticker"], []).append(row)
    return found
