"""Bodies of the processed objects that bring the last session of tickers, from the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
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
SOURCES = """
    select bars.ticker, bars.file_key as key, responses.version_id, responses.sha256, count(*) as sessions
    from silver.bars as bars
    inner join bronze.raw_responses as responses on bars.content_id = responses.content_id
    where list_contains($tickers, bars.ticker)
    group by all
    order by bars.ticker, key
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
    sources = _by_ticker(warehouse, SOURCES, tickers)
    last_sessions = {kind: _by_ticker(warehouse, query, tickers) for kind, query in LAST_SESSIONS.items()}
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
    """Return rows of `SOURCES` as a body has them."""
    return [{name: value for name, value in row.items() if name != "ticker"} for row in rows]


def _by_ticker(
    warehouse: duckdb.DuckDBPyConnection, query: str, tickers: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(warehouse, query, {"tickers": list(tickers)}):
        found.setdefault(row["ticker"], []).append(row)
    return found
