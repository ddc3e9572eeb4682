"""Aurora as a sink: of a ticker, the months are written whose rows are not those that a delivery left there.

Aurora itself says which: it has a digest per month, written with the rows. So a retry, a database that was restored
from a backup and a first delivery are the same case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.libraries import brought_by
from tribolake.market.aurora.columns import MOMENTS, VALUES, WITH_PERCENTILES
from tribolake.market.last_bodies import ALL, sources_in
from tribolake.market.outbox import AURORA, Delivery, Receipt
from tribolake.market.processed import newest_source
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

if TYPE_CHECKING:
    from tribolake.market.aurora.store import AuroraStore, Months

MONTH = "strftime(session_date, '%Y-%m')"
# A sum does not depend on the order of rows. Another release of DuckDB may hash otherwise: then all months are sent
# once, and Aurora finds that no row changed.
DIGESTS = f"""
    select ticker, {MONTH} as month, cast(sum(hash(rows)) as varchar) as digest
    from gold.{{kind}} as rows
    where ticker in (select ticker from control.pending_deliveries where sink = 'aurora' and kind = '{{kind}}')
    group by ticker, month
"""
OF_MONTHS = f"list_contains($months, {MONTH})"
UNDEFINED = "'{' || string_agg(to_json(indicator) || ': ' || undefined, ', ' order by indicator) || '}' as undefined"
NO_COLUMNS = "Aurora has no columns for percentiles of {name}, which the seed thresholds names"


@dataclass(frozen=True)
class Change:
    """Rows of the months that differ, and the digest of each. A month without rows has None."""

    rows: list[dict[str, Any]]
    months: dict[str, str | None]


class AuroraSink:
    """Tables of all sessions and versions in Aurora."""

    name = AURORA
    at_once = 1  # it is one connection

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: AuroraStore | None = None
        self._in_aurora: dict[tuple[str, str], Months] = {}
        self._in_gold: dict[str, dict[str, Months]] = {}

    def open(self) -> None:
        with brought_by("market"):
            from tribolake.market.aurora.store import AuroraStore  # noqa: PLC0415 - most runs need no database

            self._store = AuroraStore(self._settings)
        self._store.require_schema()
        self._in_aurora = self._store.delivered_months()

    def gather(self, warehouse: duckdb.DuckDBPyConnection, deliveries: Sequence[Delivery]) -> Sequence[Change]:
        return [self._change(warehouse, delivery) for delivery in deliveries]

    def _change(self, warehouse: duckdb.DuckDBPyConnection, delivery: Delivery) -> Change:
        kind, ticker = delivery.kind, delivery.ticker
        if kind not in self._in_gold:
            _require_columns(warehouse, kind)
            self._in_gold[kind] = _months_in_gold(warehouse, kind)
        now, before = self._in_gold[kind].get(ticker, {}), self._in_aurora.get((kind, ticker), {})
        months = {month: now.get(month) for month in sorted(now.keys() | before) if now.get(month) != before.get(month)}
        if not months:
            return Change([], {})
        sources = sources_in(warehouse, [(kind, ticker, ALL)]).get((kind, ticker))
        origin = {
            "run_id": delivery.run_id,
            "source_raw_data_key": newest_source(ticker, sources)["key"] if sources else None,
            "computed_at": delivery.computed_at.astimezone(UTC),
        }
        query = rows_query(kind, OF_MONTHS)
        rows = rows_of(warehouse, query, {"ticker": ticker, "months": list(months)})
        return Change([{"ticker": ticker, **row, **origin} for row in rows], months)

    def store(self, delivery: Delivery, content: Change) -> Receipt:
        assert self._store is not None  # noqa: S101 - it is open
        self._store.replace_months(delivery.kind, delivery.ticker, content.rows, content.months)
        return Receipt()

    def abandon(self) -> None:
        if self._store is not None:
            self._store.abandon()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


def _months_in_gold(warehouse: duckdb.DuckDBPyConnection, kind: str) -> dict[str, Months]:
    """Return the digests of gold's months by ticker, of the tickers that wait: one scan, not one per ticker."""
    found: dict[str, Months] = {}
    for row in rows_of(warehouse, DIGESTS.format(kind=kind)):
        found.setdefault(row["ticker"], {})[row["month"]] = row["digest"]
    return found


def _require_columns(warehouse: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Check that Aurora has columns for all indicators that have percentiles: a seed names them.

    Raises:
        ConfigurationError: it has not.
    """
    if kind != "percentiles":
        return
    for (name,) in warehouse.execute("select distinct indicator from gold.percentiles order by all").fetchall():
        if name not in WITH_PERCENTILES:
            raise ConfigurationError(NO_COLUMNS.format(name=name))


def rows_query(kind: str, condition: str = "true") -> str:
    """Return the query for the rows of `$ticker` that meet a condition, with the columns of Aurora."""
    chosen = f"from gold.{kind} where ticker = $ticker and {condition}"
    if kind != "percentiles":
        return f"select session_date, computation_version, {', '.join(VALUES[kind])}, undefined {chosen}"
    columns = ", ".join(
        f"any_value({moment}) filter (where indicator = '{indicator}') as {indicator}_{moment}"
        for indicator in WITH_PERCENTILES
        for moment in MOMENTS
    )
    return (
        f"select session_date, computation_version, {columns}, {UNDEFINED} {chosen}"
        " group by session_date, computation_version"
    )
