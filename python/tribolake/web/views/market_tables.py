"""Tables of market data to take along. Names of columns are those of published files and of `market lineage`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tribolake.market.computing import MOMENTS
from tribolake.market.history import DRAWN, EVENTS, PRICES, History
from tribolake.market.market_lake import Body
from tribolake.market.traced_values import ValueLineage
from tribolake.oil.questions.workbook import Sheet
from tribolake.texts import one_line

TICKERS = (
    "symbol", "first_session", "last_session", "close", "currency", "rsi_14", "responses", "fetched_at", "sessions",
    "missing", "corrections", "rejected",
)  # fmt: skip
OF_BODY = ("symbol", "session_date", "computation_version", "computed_at")
VALUES = (*OF_BODY, "name", "value", "undefined", *MOMENTS)
SESSIONS = ("symbol", "session_date", "computation_version", "currency", *PRICES, *EVENTS, *DRAWN)
INPUTS = (
    "session_date", "price", "served", "used", "key", "version_id", "sha256", "pointer", "found", "is_same",
)  # fmt: skip


def ticker_table(tickers: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return the table of tickers."""
    return _sheet("Tickers", TICKERS, tickers)


def values_table(bodies: Mapping[str, Body | None]) -> Sheet:
    """Return the table of the values of processed objects by kind: a row for each indicator and feature."""
    ranked = (bodies["percentiles"] or {}).get("values", {})
    rows = [
        {name: body.get(name) for name in OF_BODY}
        | {"name": name, "value": value, "undefined": body["undefined"].get(name)}
        | {moment: ranked.get(name, {}).get(moment) for moment in MOMENTS}
        for kind in ("indicators", "features")
        if (body := bodies[kind])
        for name, value in body["values"].items()
    ]
    return _sheet("Values", VALUES, rows)


def session_table(found: History) -> Sheet:
    """Return the table of the sessions of a ticker."""
    of_all: dict[str, Any] = {"symbol": found.symbol, "computation_version": found.computation_version}
    return _sheet("Sessions", SESSIONS, [{**of_all, **session} for session in found.sessions])


def input_table(found: ValueLineage) -> Sheet:
    """Return the table of the numbers that a value was computed from."""
    return _sheet("Numbers", INPUTS, found.as_dict()["inputs"])


def _sheet(title: str, columns: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> Sheet:
    return Sheet(title, [{name: _cell(row.get(name)) for name in columns} for row in rows], columns)


def _cell(value: object) -> object:
    """Return a cell. Programs may store more than numbers through `MarketLake`: lists are texts."""
    is_plain = value is None or isinstance(value, int | float) or type(value) is date
    return value if is_plain else one_line(str(value))
