"""Pending deliveries in the warehouse: one for each ticker, kind and sink whose values a sink has not confirmed.

They are written in one transaction before any sink is asked. A delivery for the lake has the bytes of its object, so a
retry stores the same object again, and a later computation replaces none. Of Aurora, which has the rows of gold as they
are now, a later delivery replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from tribolake.market.applied_versions import CURRENT, DEFAULT
from tribolake.market.processed import KINDS
from tribolake.market.product_code import code_of
from tribolake.market.session_values import values_of
from tribolake.run.warehouse import rows_of, table_exists, transaction
from tribolake.sql import literal

LAKE, AURORA = "lake", "aurora"
COMPUTED = (
    ("control", "applied_versions"),
    ("control", "computed_tickers"),
    ("gold", "ticker_status"),
    ("silver", "ticker_benchmarks"),
)
# Features depend on the responses of the benchmark too. A ticker without usable bars has no object, and loses its rows.
DUE = """
    with

    computed as (
        select
            own.ticker,
            status.symbol,
            status.sessions,
            kinds.kind,
            case
                when kinds.kind = 'features' and market.state is not null
                    then md5(concat(own.state, ' ', market.state))
                else own.state
            end as state
        from control.computed_tickers as own
        inner join gold.ticker_status as status on own.ticker = status.ticker
        left join silver.ticker_benchmarks as benchmarks on own.ticker = benchmarks.ticker
        left join control.computed_tickers as market on benchmarks.benchmark = market.ticker
        cross join (select unnest([{kinds}]) as kind) as kinds
    ),

    wanted as (
        select
            sinks.sink,
            computed.ticker,
            computed.symbol,
            computed.kind,
            case
                when sinks.sink = 'lake' and computed.kind <> 'features' and ({current}) <> ({default})
                    then md5(concat(computed.state, ' ', ({current})))
                else computed.state
            end as state
        from computed
        cross join (select unnest([{sinks}]) as sink) as sinks
        where
            (computed.sessions > 0 or sinks.sink = 'aurora')
            -- What is published of a held ticker is older than the responses that it has now.
            and computed.ticker not in (select held.ticker from control.held_tickers as held)
    ),

    -- The last one of each: a version that was current before may be made current again.
    known as (
        from (
            select sink, ticker, kind, state, code, computed_at, run_id from control.pending_deliveries
            union all
            select sink, ticker, kind, state, code, computed_at, run_id from control.confirmed_deliveries
        )
        qualify row_number() over (partition by sink, ticker, kind order by computed_at desc, run_id desc) = 1
    )

    select wanted.sink, wanted.ticker, wanted.symbol, wanted.kind, wanted.state
    from wanted
    where
        not exists (
            from known
            where
                known.sink = wanted.sink and known.ticker = wanted.ticker and known.kind = wanted.kind
                and known.state = wanted.state and known.code = {code}
        )
    order by wanted.sink, wanted.ticker, wanted.kind
"""
LAST_SESSION = {
    "indicators": f"select * from gold.indicators where ticker = $ticker and computation_version = ({CURRENT})",
    "percentiles": f"select * from gold.percentiles where ticker = $ticker and computation_version = ({CURRENT})",
    "features": "select * from gold.features where ticker = $ticker",
}
SOURCES = """
    select bars.file_key as key, responses.version_id, responses.sha256, count(*) as sessions
    from silver.bars as bars
    inner join bronze.raw_responses as responses on bars.content_id = responses.content_id
    where bars.ticker = $ticker
    group by all
    order by key
"""
IDENTITY = "sink = $sink and ticker = $ticker and kind = $kind and run_id = $run_id"


@dataclass(frozen=True)
class Delivery:
    """What a sink has to confirm: the values of a kind that a run computed of a ticker."""

    sink: str
    ticker: str
    kind: str
    run_id: str
    computed_at: datetime

    @property
    def identity(self) -> dict[str, Any]:
        return {"sink": self.sink, "ticker": self.ticker, "kind": self.kind, "run_id": self.run_id}


@dataclass(frozen=True)
class Receipt:
    """What a sink confirmed: for the lake, which object."""

    key: str | None = None
    version_id: str | None = None


def waits(warehouse: duckdb.DuckDBPyConnection, sinks: Sequence[str]) -> bool:
    """Return whether sinks have not confirmed all that was computed."""
    if not all(table_exists(warehouse, *name) for name in COMPUTED):
        return False
    if not table_exists(warehouse, "control", "confirmed_deliveries"):
        return True  # a warehouse of an earlier release
    return bool(_due(warehouse, sinks) or any(pending(warehouse, sink) for sink in sinks))


def prepare(warehouse: duckdb.DuckDBPyConnection, sinks: Sequence[str], run_id: str) -> None:
    """Write a pending delivery for everything that was computed and is not pending, in one transaction.

    Deliveries for an Aurora that is off are removed: all that differs is due again when it is on.
    """
    at, code = datetime.now(UTC).replace(microsecond=0), code_of()
    with transaction(warehouse):
        if AURORA not in sinks:
            warehouse.execute("delete from control.pending_deliveries where sink = ?", [AURORA])
        for due in _due(warehouse, sinks):
            if due["sink"] == AURORA:
                body = None
                warehouse.execute(
                    "delete from control.pending_deliveries where sink = ? and ticker = ? and kind = ? and run_id != ?",
                    [AURORA, due["ticker"], due["kind"], run_id],
                )
            elif (body := _body(warehouse, due, at, run_id)) is None:
                warehouse.execute(
                    "insert or replace into control.confirmed_deliveries values (?, ?, ?, ?, ?, ?, ?, null, null)",
                    [due["sink"], due["ticker"], due["kind"], run_id, at, due["state"], code],
                )
                continue
            warehouse.execute(
                "insert or replace into control.pending_deliveries values (?, ?, ?, ?, ?, ?, ?, ?, null)",
                [due["sink"], due["ticker"], due["kind"], run_id, at, due["state"], code, body],
            )


def pending(warehouse: duckdb.DuckDBPyConnection, sink: str) -> list[Delivery]:
    """Return what a sink has to confirm, the oldest first."""
    query = f"""
        select sink, ticker, kind, run_id, computed_at from control.pending_deliveries
        where sink = {literal(sink)}
        order by computed_at, run_id, ticker, kind
    """
    return [Delivery(**row) for row in rows_of(warehouse, query)]


def body_of(warehouse: duckdb.DuckDBPyConnection, delivery: Delivery) -> bytes:
    """Return the bytes of the object that a delivery for the lake brings."""
    found = warehouse.execute(
        f"select body from control.pending_deliveries where {IDENTITY}", delivery.identity
    ).fetchone()
    body: str = found[0] if found else ""
    return body.encode()


def confirm(warehouse: duckdb.DuckDBPyConnection, delivery: Delivery, receipt: Receipt) -> None:
    """Note that a sink has what a delivery brings. A later one that it confirmed before stays the last."""
    with transaction(warehouse):
        warehouse.execute(
            "insert or replace into control.confirmed_deliveries"
            " select sink, ticker, kind, run_id, computed_at, state, code, $key, $version_id"
            f" from control.pending_deliveries as pending where {IDENTITY} and not exists ("
            " from control.confirmed_deliveries as last where last.sink = pending.sink and last.ticker = pending.ticker"
            " and last.kind = pending.kind and last.computed_at > pending.computed_at)",
            delivery.identity | {"key": receipt.key, "version_id": receipt.version_id},
        )
        warehouse.execute(f"delete from control.pending_deliveries where {IDENTITY}", delivery.identity)


def note_problem(warehouse: duckdb.DuckDBPyConnection, sink: str, problem: str | None) -> None:
    """Note why a sink has not confirmed what is pending."""
    warehouse.execute("update control.pending_deliveries set problem = ? where sink = ?", [problem, sink])


def _due(warehouse: duckdb.DuckDBPyConnection, sinks: Sequence[str]) -> list[dict[str, Any]]:
    # Not bound: see `table_exists`.
    listed = {"kinds": ", ".join(map(literal, KINDS)), "sinks": ", ".join(map(literal, sinks))}
    return rows_of(warehouse, DUE.format(code=literal(code_of()), current=CURRENT, default=DEFAULT, **listed))


def _body(warehouse: duckdb.DuckDBPyConnection, due: dict[str, Any], at: datetime, run_id: str) -> str | None:
    """Return the bytes of an object, as text. None if no session has values."""
    from tribolake.market.bodies import computed_body  # noqa: PLC0415 - a run without news needs no numpy

    of_ticker, query = {"ticker": due["ticker"]}, LAST_SESSION[due["kind"]]
    rows = rows_of(warehouse, f"{query} qualify session_date = max(session_date) over ()", of_ticker)
    if not rows:
        return None
    values, undefined = values_of(due["kind"], rows)
    return computed_body(
        due["kind"],
        due["symbol"],
        values,
        rows_of(warehouse, SOURCES, of_ticker),
        at,
        rows[0]["computation_version"],
        session_date=rows[0]["session_date"],
        undefined=undefined,
        run_id=run_id,
        code=code_of(),
    ).decode()
