"""Deliver what was computed to the processed lake, as the last step of a run.

The warehouse has the computation first. What a store did not confirm stays pending, and the next run tries again.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from tribolake.errors import StoreUnavailable
from tribolake.market.processed import KINDS
from tribolake.market.product_code import code_of
from tribolake.product import Progress, StepResult
from tribolake.run.warehouse import rows_of, table_exists
from tribolake.settings import Settings

if TYPE_CHECKING:
    from tribolake.market.market_lake import MarketLake, StoredValues

# Columns that are no values.
KEY = frozenset({"ticker", "session_date", "computation_version", "client", "undefined", "indicator", "lookback"})
PENDING = """
    select computed.ticker, status.symbol, kinds.kind, computed.state
    from control.computed_tickers as computed
    inner join gold.ticker_status as status on computed.ticker = status.ticker
    cross join (select unnest($kinds) as kind) as kinds
    where status.sessions > 0 and not exists (
        from control.deliveries as delivered
        where
            delivered.ticker = computed.ticker and delivered.kind = kinds.kind
            and delivered.state = computed.state and delivered.code = $code
    )
    order by computed.ticker, kinds.kind
"""
DEFAULT = "computation_version = (select computation_version from seeds.computations where is_default)"
LATEST = {
    "indicators": f"select * from gold.indicators where ticker = $ticker and {DEFAULT}",
    "percentiles": f"select * from gold.percentiles where ticker = $ticker and {DEFAULT}",
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
FAILED = "{failed} of {pending} objects could not be stored, and the next run tries again. The first: {problem}"


def waits(warehouse: duckdb.DuckDBPyConnection) -> bool:
    """Return whether computed values wait to be stored."""
    if not table_exists(warehouse, "control", "deliveries") or not table_exists(warehouse, "gold", "ticker_status"):
        return False
    return bool(_pending(warehouse))


def deliver(warehouse: duckdb.DuckDBPyConnection, settings: Settings, run_id: str, progress: Progress) -> StepResult:
    """Store one object per ticker and kind that was computed since the last one. A failure ends no other delivery."""
    from tribolake.market.market_lake import MarketLake  # noqa: PLC0415 - a run without news needs no numpy

    lake, at, code = MarketLake(settings), datetime.now(UTC), code_of()
    pending, problems = _pending(warehouse), []
    for one in pending:
        progress(f"store {one['kind']} {one['symbol']}")
        try:
            stored = _store(warehouse, lake, one, at, run_id)
        except (StoreUnavailable, OSError) as error:
            problems.append(str(error))
            continue
        warehouse.execute(
            "insert or replace into control.deliveries values (?, ?, ?, ?, ?, ?)",
            [one["ticker"], one["kind"], one["state"], code, stored.key, stored.version_id],
        )
    report: dict[str, Any] = {"stored": len(pending) - len(problems)}
    if problems:
        report["problem"] = FAILED.format(failed=len(problems), pending=len(pending), problem=problems[0])
    return StepResult(report=report, needs_a_look=bool(problems))


def _pending(warehouse: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return rows_of(warehouse, PENDING, {"kinds": list(KINDS), "code": code_of()})


def _store(
    warehouse: duckdb.DuckDBPyConnection, lake: MarketLake, one: dict[str, Any], at: datetime, run_id: str
) -> StoredValues:
    of_ticker = {"ticker": one["ticker"]}
    query = LATEST[one["kind"]]
    rows = rows_of(warehouse, f"{query} qualify session_date = max(session_date) over ()", of_ticker)
    found = [{name: value for name, value in row.items() if name not in KEY} for row in rows]
    why = [json.loads(row["undefined"] or "{}") for row in rows]
    if one["kind"] == "percentiles":
        names = [row["indicator"] for row in rows]
        values: dict[str, Any] = dict(zip(names, found, strict=True))
        undefined = {name: reasons for name, reasons in zip(names, why, strict=True) if reasons}
    else:
        values, undefined = found[0], why[0]
    return lake.store(
        one["kind"],
        one["symbol"],
        values,
        rows_of(warehouse, SOURCES, of_ticker),
        at,
        rows[0]["computation_version"],
        session_date=rows[0]["session_date"],
        undefined=undefined,
        run_id=run_id,
        code=code_of(),
    )
