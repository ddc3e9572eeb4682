"""The values of a session: rows of gold, as the body of a processed object has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import duckdb

from tribolake.run.warehouse import rows_of

# Columns that are no values.
KEY = frozenset({"ticker", "session_date", "computation_version", "client", "undefined", "indicator", "lookback"})
SESSION = """
    select * from gold.{kind}
    where ticker = $ticker and session_date = $session and computation_version = $version
"""


def values_of(kind: str, rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return values by name, and why some are undefined.

    Args:
        kind: indicators, percentiles or features.
        rows: of the table `gold.{kind}` of one ticker, session and version: one, or one per indicator.
    """
    found = [{name: value for name, value in row.items() if name not in KEY} for row in rows]
    why = [json.loads(row["undefined"] or "{}") for row in rows]
    if kind != "percentiles":
        return found[0], why[0]
    names = [row["indicator"] for row in rows]
    values = dict(zip(names, found, strict=True))
    return values, {name: reasons for name, reasons in zip(names, why, strict=True) if reasons}


def values_in(
    connection: duckdb.DuckDBPyConnection, kind: str, ticker: str, session: date, version: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the values of a session that a warehouse has: see :func:`values_of`. None if it has none."""
    about = {"ticker": ticker, "session": session, "version": version}
    rows = rows_of(connection, f"{SESSION.format(kind=kind)} order by all", about)
    return values_of(kind, rows) if rows else None
