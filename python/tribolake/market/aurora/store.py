"""`AuroraStore`: write computed values into the tables of Aurora. The same values again change no row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from tribolake.market.aurora.columns import VALUES
from tribolake.market.aurora.connection import AuroraConnection
from tribolake.market.aurora.schema import require_schema
from tribolake.market.aurora.tables import DELIVERED_MONTHS, TABLES
from tribolake.market.aurora.upsert import upsert
from tribolake.market.bodies import as_json
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.settings import Settings

BATCH = 5000
Row = dict[str, Any]
Months = dict[str, str]  # the digest of the rows of each month, such as 2025-01


class AuroraStore:
    """Tables `indicators`, `percentiles` and `features` of the database that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._aurora = AuroraConnection(settings)

    def store_indicators(
        self, ticker: str, indicators: Mapping[str, Any] | Sequence[Mapping[str, Any]], **origin: Any
    ) -> int:
        """Store indicators of a symbol.

        Args:
            ticker: the symbol as Yahoo writes it.
            indicators: values by name of one session, with its `session_date`, or a list of such. A value that is
                left out is null. `computation_version` may be among them; else it is 1.0.
            origin: `source_raw_data_key`, `computed_at` (with a time zone) and `run_id`, as far as known.

        Returns:
            The number of rows that Aurora has confirmed.

        Raises:
            TypeError: a value is not a number.
            ValueError: a name is unknown, there is no session, or `computed_at` has no time zone.
            AuroraUnavailable: Aurora did not confirm it, and has none of it.
        """
        return self._store("indicators", ticker, indicators, origin)

    def store_percentiles(
        self, ticker: str, percentiles: Mapping[str, Any] | Sequence[Mapping[str, Any]], **origin: Any
    ) -> int:
        """Store percentiles, such as `{"rsi_14": {"percentile": 71.0}}`: see :meth:`store_indicators`."""
        return self._store("percentiles", ticker, percentiles, origin)

    def store_features(
        self, ticker: str, features: Mapping[str, Any] | Sequence[Mapping[str, Any]], **origin: Any
    ) -> int:
        """Store features: see :meth:`store_indicators`."""
        return self._store("features", ticker, features, origin)

    def require_schema(self) -> None:
        """Check that the schema is that of this release.

        Raises:
            AuroraUnavailable: it is not, or Aurora cannot be reached.
        """
        with self._aurora.transaction() as connection:
            require_schema(connection)

    def delivered_months(self) -> dict[tuple[str, str], Months]:
        """Return what deliveries have written, by kind and ticker."""
        found: dict[tuple[str, str], Months] = {}
        with self._aurora.transaction() as connection:
            for row in connection.execute(sa.select(DELIVERED_MONTHS)):
                found.setdefault((row.kind, row.ticker), {})[row.month] = row.digest
        return found

    def replace_months(self, kind: str, ticker: str, rows: Sequence[Row], months: Mapping[str, str | None]) -> None:
        """Make rows of a ticker the only ones of some months, in one transaction.

        Args:
            kind: of the values.
            ticker: in its written form.
            rows: of these months, with all columns.
            months: the digest of each month. None if it has no rows.

        Raises:
            AuroraUnavailable: Aurora did not confirm it, and is as before.
        """
        if not months:
            return
        table = TABLES[kind]

        def replace(connection: sa.Connection) -> None:
            of_ticker = (table.c.ticker == ticker, table.c.session_date >= date.fromisoformat(f"{min(months)}-01"))
            found = connection.execute(sa.select(table.c.session_date, table.c.computation_version).where(*of_ticker))
            kept = {(row["session_date"], row["computation_version"]) for row in rows}
            gone = [key for key in map(tuple, found) if f"{key[0]:%Y-%m}" in months and key not in kept]
            if gone:
                one = (
                    table.c.ticker == ticker,
                    table.c.session_date == sa.bindparam("day"),
                    table.c.computation_version == sa.bindparam("version"),
                )
                connection.execute(sa.delete(table).where(*one), [{"day": day, "version": of} for day, of in gone])
            _write(connection, table, rows)
            _forget(connection, kind, ticker, months)
            marks = [
                {"kind": kind, "ticker": ticker, "month": month, "digest": digest}
                for month, digest in months.items()
                if digest is not None
            ]
            _write(connection, DELIVERED_MONTHS, marks)

        self._aurora.carry_out(replace)

    def abandon(self) -> None:
        """End a call that hangs in another thread."""
        self._aurora.abandon()

    def close(self) -> None:
        """Close the connection."""
        self._aurora.close()

    def _store(
        self, kind: str, ticker: str, given: Mapping[str, Any] | Sequence[Mapping[str, Any]], origin: Mapping[str, Any]
    ) -> int:
        listed = [given] if isinstance(given, Mapping) else given
        written = ticker_of(symbol_of(ticker))
        rows = [row_of(kind, written, one, **origin) for one in listed]

        def write(connection: sa.Connection) -> None:
            require_schema(connection)
            _write(connection, TABLES[kind], rows)
            # These months are no longer as a delivery left them.
            _forget(connection, kind, written, {f"{row['session_date']:%Y-%m}" for row in rows})

        self._aurora.carry_out(write)
        return len(rows)


def row_of(
    kind: str,
    ticker: str,
    given: Mapping[str, Any],
    *,
    source_raw_data_key: str | None = None,
    computed_at: datetime | None = None,
    run_id: str | None = None,
) -> Row:
    """Return a row with all columns of its table: see :meth:`AuroraStore.store_indicators`."""
    values = {name: value for name, value in given.items() if name not in ("session_date", "computation_version")}
    if kind == "percentiles":
        values = {f"{name}_{moment}": value for name, of in values.items() for moment, value in of.items()}
    if unknown := sorted(values.keys() - set(VALUES[kind])):
        raise ValueError(f"{unknown[0]!a} is not one of the {kind} that Aurora has columns for")
    session = given.get("session_date")
    if session is None:
        raise ValueError(f"{kind} of {ticker} have no session_date")
    if computed_at is not None and computed_at.utcoffset() is None:
        raise ValueError("computed_at has no time zone: use datetime.now(UTC)")
    return {
        "ticker": ticker,
        "session_date": session if type(session) is date else date.fromisoformat(str(session)[:10]),
        "computation_version": str(given.get("computation_version", "1.0")),
        **{name: _number(values.get(name), name) for name in VALUES[kind]},
        "undefined": None,
        "run_id": run_id,
        "source_raw_data_key": source_raw_data_key,
        "computed_at": (computed_at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0),
    }


def _number(value: Any, name: str) -> float | None:
    plain = as_json(value, name)
    if plain is None or (isinstance(plain, int | float) and not isinstance(plain, bool)):
        return plain
    raise TypeError(f"{name} is a {type(value).__name__}: Aurora has numbers")


def _write(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write rows in the order of their keys: two writers then wait for each other one way only."""
    statement, keys = upsert(table, connection.dialect.name), [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [row[name] for name in keys])
    for start in range(0, len(ordered), BATCH):
        connection.execute(statement, ordered[start : start + BATCH])


def _forget(connection: sa.Connection, kind: str, ticker: str, months: Iterable[str]) -> None:
    marks = DELIVERED_MONTHS.c
    connection.execute(
        sa.delete(DELIVERED_MONTHS).where(marks.kind == kind, marks.ticker == ticker, marks.month.in_(list(months)))
    )
