"""Pending deliveries in the warehouse: one for each ticker, kind and sink whose values a sink has not confirmed.

They are written in one transaction before any sink is asked. A delivery for the lake has the bytes of its object, so a
retry stores the same object again, and a later computation replaces none. Of Aurora, which has the rows of gold as they
are now, a later delivery replaces the earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from tribolake.market.applied_versions import CURRENT, DEFAULT
from tribolake.market.last_bodies import last_bodies
from tribolake.market.processed import KINDS
from tribolake.market.product_code import code_of
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
        union all
        -- No response of it is there any more.
        select ticker, null, 0, kind, 'gone'
        from control.confirmed_deliveries
        where sink = 'aurora' and ticker not in (select own.ticker from control.computed_tickers as own)
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

    select wanted.sink, wanted.ticker, wanted.symbol, wanted.kind, wanted.state, known.computed_at as last_at
    from wanted
    left join known
        on wanted.sink = known.sink and wanted.ticker = known.ticker and wanted.kind = known.kind
    where known.state is distinct from wanted.state or known.code is distinct from {code}
    order by wanted.sink, wanted.ticker, wanted.kind
"""
PENDING = """
    insert or replace into control.pending_deliveries
    select
        unnest($sinks::varchar[]), unnest($tickers::varchar[]), unnest($kinds::varchar[]), $run_id, $at::timestamptz,
        unnest($states::varchar[]), $code, unnest($bodies::varchar[]), null
"""
# Without an object: no session has values.
EMPTY = """
    insert or replace into control.confirmed_deliveries
    select
        unnest($sinks::varchar[]), unnest($tickers::varchar[]), unnest($kinds::varchar[]), $run_id, $at::timestamptz,
        unnest($states::varchar[]), $code, null, null
"""
CONFIRMED = """
    select
        $sink as sink, unnest($tickers::varchar[]) as ticker, unnest($kinds::varchar[]) as kind,
        unnest($run_ids::varchar[]) as run_id, unnest($keys::varchar[]) as key,
        unnest($versions::varchar[]) as version_id
"""
SAME_DELIVERY = " and ".join(f"one.{name} = confirmed.{name}" for name in ("sink", "ticker", "kind", "run_id"))


@dataclass(frozen=True)
class Delivery:
    """What a sink has to confirm: the values of a kind that a run computed of a ticker."""

    sink: str
    ticker: str
    kind: str
    run_id: str
    computed_at: datetime


@dataclass(frozen=True)
class _Due:
    """Values that were computed, and that are neither pending nor confirmed. `last_at` is the time of those before."""

    sink: str
    ticker: str
    symbol: str
    kind: str
    state: str
    last_at: datetime | None


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
    code = code_of()
    with transaction(warehouse):
        if AURORA not in sinks:
            warehouse.execute("delete from control.pending_deliveries where sink = ?", [AURORA])
        due = _due(warehouse, sinks)
        at = _time_after(due)
        warehouse.execute(
            "delete from control.pending_deliveries where sink = $sink and run_id != $run_id"
            " and list_contains($due::varchar[], concat(kind, ' ', ticker))",
            {
                "sink": AURORA,
                "run_id": run_id,
                "due": [f"{one.kind} {one.ticker}" for one in due if one.sink == AURORA],
            },
        )
        of_lake = [one for one in due if one.sink == LAKE]
        objects = last_bodies(warehouse, [(one.kind, one.ticker, one.symbol) for one in of_lake], at, run_id)
        bodies = {one: body for one in of_lake if (body := objects.get((one.kind, one.ticker)))}
        of_this_run = {"run_id": run_id, "at": at, "code": code}
        waiting = [one for one in due if one.sink == AURORA or one in bodies]
        warehouse.execute(PENDING, _columns(waiting) | of_this_run | {"bodies": [bodies.get(one) for one in waiting]})
        warehouse.execute(EMPTY, _columns([one for one in due if one not in waiting]) | of_this_run)


def pending(warehouse: duckdb.DuckDBPyConnection, sink: str) -> list[Delivery]:
    """Return what a sink has to confirm, the oldest first."""
    listed = f"select {', '.join(field.name for field in fields(Delivery))} from control.pending_deliveries"
    ordered = f"{listed} where sink = {literal(sink)} order by computed_at, run_id, ticker, kind"
    return [Delivery(**row) for row in rows_of(warehouse, ordered)]


def bodies_of(warehouse: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> list[bytes]:
    """Return the bytes of the objects that deliveries for the lake bring."""
    found = warehouse.execute(
        f"select one.ticker, one.kind, one.run_id, one.body from ({CONFIRMED}) as confirmed"
        f" inner join control.pending_deliveries as one on {SAME_DELIVERY}",
        _receipts(dict.fromkeys(deliveries, Receipt())),
    ).fetchall()
    bodies = {tuple(identity): body for *identity, body in found}
    return [bodies.get((one.ticker, one.kind, one.run_id), "").encode() for one in deliveries]


def confirm(warehouse: duckdb.DuckDBPyConnection, receipts: Mapping[Delivery, Receipt]) -> None:
    """Note that a sink has what deliveries bring. A later one that it confirmed before stays the last."""
    with transaction(warehouse):
        warehouse.execute(f"create or replace temp table confirmed as {CONFIRMED}", _receipts(receipts))
        warehouse.execute(
            "insert or replace into control.confirmed_deliveries"
            " select one.sink, one.ticker, one.kind, one.run_id, one.computed_at, state, code, key, version_id"
            f" from control.pending_deliveries as one inner join confirmed on {SAME_DELIVERY}"
            f" where not exists (from control.confirmed_deliveries as last where last.sink = one.sink"
            " and last.ticker = one.ticker and last.kind = one.kind and last.computed_at > one.computed_at)"
            " qualify row_number() over (partition by one.ticker, one.kind order by one.computed_at desc,"
            " one.run_id desc) = 1"
        )
        warehouse.execute(f"delete from control.pending_deliveries as one using confirmed where {SAME_DELIVERY}")
        warehouse.execute("drop table confirmed")


def note_problem(warehouse: duckdb.DuckDBPyConnection, sink: str, problem: str | None) -> None:
    """Note why a sink has not confirmed what is pending."""
    warehouse.execute("update control.pending_deliveries set problem = ? where sink = ?", [problem, sink])


def _due(warehouse: duckdb.DuckDBPyConnection, sinks: Sequence[str]) -> list[_Due]:
    # Not bound: see `table_exists`.
    listed = {"kinds": ", ".join(map(literal, KINDS)), "sinks": ", ".join(map(literal, sinks))}
    found = rows_of(warehouse, DUE.format(code=literal(code_of()), current=CURRENT, default=DEFAULT, **listed))
    return [_Due(**row) for row in found]


def _time_after(due: Sequence[_Due]) -> datetime:
    """Return the time of a computation: now, or a second after the last one of the same values.

    So names of objects have the order of computations, whichever is stored first, and if the clock was put back.
    """
    before = [one.last_at.astimezone(UTC) + timedelta(seconds=1) for one in due if one.last_at is not None]
    return max([datetime.now(UTC).replace(microsecond=0), *before])


def _columns(due: Sequence[_Due]) -> dict[str, Any]:
    return {f"{name}s": [getattr(one, name) for one in due] for name in ("sink", "ticker", "kind", "state")}


def _receipts(receipts: Mapping[Delivery, Receipt]) -> dict[str, Any]:
    """Return what `CONFIRMED` binds: deliveries of one sink."""
    return {
        "sink": next(iter(receipts)).sink,
        "tickers": [one.ticker for one in receipts],
        "kinds": [one.kind for one in receipts],
        "run_ids": [one.run_id for one in receipts],
        "keys": [receipt.key for receipt in receipts.values()],
        "versions": [receipt.version_id for receipt in receipts.values()],
    }
