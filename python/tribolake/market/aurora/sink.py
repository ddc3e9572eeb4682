"""Aurora as a sink: of a ticker, the months are written whose rows are not those that a delivery left there.

Aurora itself says which: it has a digest per month, written with the rows. So a retry, a database that was restored
from a backup and a first delivery are the same case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.market.aurora import NOT_INSTALLED
from tribolake.market.outbox import AURORA, SOURCES, Delivery, Receipt
from tribolake.market.processed import newest_source
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

if TYPE_CHECKING:
    from tribolake.market.aurora.store import AuroraStore, Months

MONTH = "strftime(session_date, '%Y-%m')"
DIGESTS = f"""
    select
        {MONTH} as month,
        md5(string_agg(to_json(rows), chr(10) order by session_date, computation_version)) as digest
    from ({{rows}}) as rows
    group by month
"""
ROWS = f"select * from ({{rows}}) as rows where list_contains($months, {MONTH})"
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

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: AuroraStore | None = None
        self._delivered: dict[tuple[str, str], Months] = {}

    def open(self) -> None:
        try:
            from tribolake.market.aurora.store import AuroraStore  # noqa: PLC0415 - most runs need no database

            self._store = AuroraStore(self._settings)
        except ModuleNotFoundError as error:
            raise ConfigurationError(NOT_INSTALLED.format(name=error.name)) from None
        self._store.require_schema()
        self._delivered = self._store.delivered_months()

    def gather(self, warehouse: duckdb.DuckDBPyConnection, delivery: Delivery) -> Change:
        query, of_ticker = _rows_query(warehouse, delivery.kind), {"ticker": delivery.ticker}
        now = {row["month"]: row["digest"] for row in rows_of(warehouse, DIGESTS.format(rows=query), of_ticker)}
        before = self._delivered.get((delivery.kind, delivery.ticker), {})
        months = {month: now.get(month) for month in sorted(now.keys() | before) if now.get(month) != before.get(month)}
        if not months:
            return Change([], {})
        sources = rows_of(warehouse, SOURCES, of_ticker)
        origin = {
            "run_id": delivery.run_id,
            "source_raw_data_key": newest_source(sources)["key"] if sources else None,
            "computed_at": delivery.computed_at.astimezone(UTC),
        }
        rows = rows_of(warehouse, ROWS.format(rows=query), of_ticker | {"months": list(months)})
        return Change([{"ticker": delivery.ticker, **row, **origin} for row in rows], months)

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


def _rows_query(warehouse: duckdb.DuckDBPyConnection, kind: str) -> str:
    """Return the query for the rows of `$ticker`, with the columns of Aurora.

    Raises:
        ConfigurationError: gold has percentiles that Aurora has no columns for.
    """
    from tribolake.market.aurora.tables import MOMENTS, VALUES, WITH_PERCENTILES  # noqa: PLC0415

    if kind != "percentiles":
        columns = ", ".join(VALUES[kind])
        return f"select session_date, computation_version, {columns}, undefined from gold.{kind} where ticker = $ticker"
    found = warehouse.execute("select distinct indicator from gold.percentiles order by all").fetchall()
    for (name,) in found:
        if name not in WITH_PERCENTILES:
            raise ConfigurationError(NO_COLUMNS.format(name=name))
    columns = ", ".join(
        f"any_value({moment}) filter (where indicator = '{indicator}') as {indicator}_{moment}"
        for indicator in WITH_PERCENTILES
        for moment in MOMENTS
    )
    return (
        f"select session_date, computation_version, {columns}, {UNDEFINED} from gold.percentiles"
        " where ticker = $ticker group by session_date, computation_version"
    )
