"""Bodies of the processed objects that bring the last session of tickers, from the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
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
# Bars until a session count, and splits and dividends: a response that names one is used even if others served its bars
# again.
SOURCES = """
    with

    histories as (
        select unnest($tickers::varchar[]) as ticker, unnest($sessions::date[]) as last_session
    ),

    bars as (
        select histories.*, bars.content_id, count(*) as sessions
        from histories
        inner join silver.bars as bars
            on histories.ticker = bars.ticker and histories.last_session >= bars.session_date
        group by all
    ),

    with_bars as (
        select distinct ticker, last_session from bars
    ),

    -- Of the last build, and of the last one that computed a ticker.
    event_sources as (
        select ticker, content_id from silver.int_events
        where is_counted and ticker in (select released.ticker from changes.released_tickers as released)
        union
        select ticker, unnest(content_ids) from control.event_sources
    ),

    used as (
        select * from bars
        union all
        select with_bars.*, event_sources.content_id, 0
        from with_bars
        inner join event_sources using (ticker)
    )

    select
        used.ticker, used.last_session, responses.file_key as key, responses.version_id, responses.sha256,
        cast(sum(used.sessions) as bigint) as sessions
    from used
    inner join bronze.raw_responses as responses on used.content_id = responses.content_id
    where responses.status = 'loaded'
    group by all
    order by used.ticker, used.last_session, key
"""
BENCHMARKS = "select ticker, benchmark from silver.ticker_benchmarks where list_contains($tickers, ticker)"
ALL = date.max  # sessions


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
    last_sessions = {
        kind: _by_ticker(rows_of(warehouse, query, {"tickers": tickers})) for kind, query in LAST_SESSIONS.items()
    }
    found = {(kind, ticker): rows for kind, by_ticker in last_sessions.items() for ticker, rows in by_ticker.items()}
    sources = sources_in(warehouse, [(*one, rows[0]["session_date"]) for one, rows in found.items()])
    for kind, ticker, symbol in asked:
        if rows := found.get((kind, ticker)):
            values, undefined = values_of(kind, rows)
            bodies[kind, ticker] = computed_body(
                kind,
                symbol,
                values,
                sources[kind, ticker],
                at,
                rows[0]["computation_version"],
                session_date=rows[0]["session_date"],
                undefined=undefined,
                run_id=run_id,
                code=code,
            ).decode()
    return bodies


def sources_in(
    warehouse: duckdb.DuckDBPyConnection, objects: Sequence[tuple[str, str, date]]
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the raw objects that values were computed from, with the number of sessions of each.

    Args:
        warehouse: or a database of :func:`tribolake.market.derived.derived`.
        objects: kind, ticker and last session of each; sessions until that one count.

    Returns:
        The sources by kind and ticker, as bodies have them: those of the ticker by key, then those of its benchmark.
    """
    compared = [ticker for kind, ticker, _ in objects if kind == "features"]
    benchmarks = dict(warehouse.execute(BENCHMARKS, {"tickers": compared}).fetchall()) if compared else {}
    read = {(kind, ticker): [(ticker, session)] for kind, ticker, session in objects}
    for kind, ticker, session in objects:
        if kind == "features" and ticker in benchmarks:
            read[kind, ticker].append((benchmarks[ticker], session))
    histories = sorted({history for each in read.values() for history in each})
    bound = {"tickers": [ticker for ticker, _ in histories], "sessions": [session for _, session in histories]}
    found: dict[tuple[str, date], list[dict[str, Any]]] = {}
    for row in rows_of(warehouse, SOURCES, bound):
        found.setdefault((row.pop("ticker"), row.pop("last_session")), []).append(row)
    return {one: [source for history in each for source in found.get(history, ())] for one, each in read.items()}


def _by_ticker(rows: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["ticker"], []).append(row)
    return found
