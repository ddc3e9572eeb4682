"""What a value was computed from, as lineages name it: numbers in raw objects, splits and dividends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.market.chart_pointers import (
    event_at,
    number_at,
    price_pointer,
    read_chart,
)
from tribolake.market.formulas import Formula
from tribolake.market.indicators import Computation
from tribolake.market.raw_objects import FetchedObjects, RawObject
from tribolake.run.warehouse import rows_of
from tribolake.trace.chain import TracedRun
from tribolake.trace.manifests import Publication

# Other charts have no bar that counts, so no value depends on them.
KEYS = "select distinct file_key from read_parquet($bars) where ticker = $ticker"
BARS_OF = "select * from read_parquet($bars) where ticker = $ticker and session_date between $first and $session"
SERVED = """
    select content_id, session_date, position, open, high, low, close, volume
    from silver.int_served_bars where ticker = $ticker and reason is null
"""
SPLITS = """
    select events.ex_date, events.parts, events.is_counted, events.content_id, responses.file_key
    from silver.int_events as events
    inner join bronze.raw_responses as responses on events.content_id = responses.content_id
    where events.ticker = $ticker and events.kind = 'split' and events.ex_date > $first
    order by events.ex_date, responses.file_key
"""
DIVIDENDS = """
    select events.ex_date, events.parts, responses.file_key
    from silver.int_events as events
    inner join bronze.raw_responses as responses on events.content_id = responses.content_id
    where events.ticker = $ticker and events.kind = 'dividend' and events.ex_date > $first and events.is_counted
    order by events.ex_date
"""


@dataclass(frozen=True)
class Input:
    """A number that a value was computed from: `used` is `served`, divided by later splits.

    Of features, `used` is lowered by later dividends too.

    `pointer` leads to it in the raw object; in a table it names row and column. `found` is what stands there now.
    """

    session_date: date
    price: str
    served: float | None
    used: float | None
    key: str
    pointer: str | None
    found: float | None

    @property
    def is_same(self) -> bool:
        return self.pointer is not None and self.found == self.served


@dataclass(frozen=True)
class SplitInput:
    """A split by which prices were multiplied or divided. Only a counted one is known to have happened."""

    ex_date: date
    ratio: float
    is_counted: bool
    key: str
    pointer: str | None
    found: float | None

    @property
    def is_same(self) -> bool:
        return self.pointer is not None and self.found == self.ratio


@dataclass(frozen=True)
class DividendInput:
    """A dividend by whose share of the close of the session before earlier prices were lowered."""

    ex_date: date
    amount: float
    key: str
    pointer: str | None
    found: float | None
    close_before: Input

    @property
    def is_same(self) -> bool:
        return self.pointer is not None and self.found == self.amount and self.close_before.is_same


@dataclass(frozen=True)
class ValueLineage:
    """A published value, and everything that it was computed from."""

    ticker: str
    symbol: str
    session_date: date
    name: str
    value: float | None
    undefined: str | None
    recomputed: float | None
    computation_version: str
    computation: Computation | None  # of indicators; features have one formula
    formula: Formula
    run: TracedRun
    sessions: int
    first_session: date
    objects: Sequence[RawObject]
    inputs: Sequence[Input]
    splits: Sequence[SplitInput]
    dividends: Sequence[DividendInput]
    problems: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        raw = {one.key: {"version_id": one.version_id, "sha256": one.sha256} for one in self.objects}

        def described(one: Input | SplitInput | DividendInput) -> dict[str, Any]:
            return {**asdict(one), **raw.get(one.key, {}), "is_same": one.is_same}

        parts: dict[str, Sequence[Input | SplitInput | DividendInput]] = {
            "inputs": self.inputs, "splits": self.splits, "dividends": self.dividends
        }  # fmt: skip
        return asdict(self) | {name: [described(one) for one in part] for name, part in parts.items()}


@dataclass(frozen=True)
class PublishedRows:
    """A publication, and the rows of a ticker in it."""

    connection: duckdb.DuckDBPyConnection
    publication: Publication
    about: Mapping[str, Any]

    def rows(self, query: str, **more: Any) -> list[dict[str, Any]]:
        known = {**self.about, **more}
        return rows_of(self.connection, query, {name: known[name] for name in known if f"${name}" in query})


def used_objects(published: PublishedRows, ticker: str, named: Sequence[RawObject]) -> list[RawObject]:
    """Return the raw objects whose bars count. Of a table, which names no splits and dividends, those before it too.

    Args:
        published: the publication.
        ticker: in its written form.
        named: the raw objects of the ticker in the publication.
    """
    keys = {row["file_key"] for row in published.rows(KEYS, ticker=ticker)}
    last_table = max(
        (raw.fetched_at for raw in named if raw.key in keys and not raw.key.endswith(".json")), default=None
    )
    return [raw for raw in named if raw.key in keys or (last_table is not None and raw.fetched_at <= last_table)]


def not_published(symbol: str, session: date, sessions: Sequence[date]) -> ConfigurationError:
    """Return what to say of a session without values."""
    before = max((day for day in sessions if day < session), default=None)
    after = min((day for day in sessions if day > session), default=None)
    near = " and ".join(str(day) for day in (before, after) if day)
    hint = f"the nearest are {near}" if near else "`tribolake market status` lists the tickers"
    return ConfigurationError(f"nothing of {symbol} of session {session} is published: {hint}")


class Finder:
    """Finds numbers of a ticker in the bytes of its raw objects.

    `again` is the database that was computed from them.
    """

    def __init__(self, responses: FetchedObjects, again: duckdb.DuckDBPyConnection, ticker: str) -> None:
        self._documents, self._again, self._ticker = _Documents(responses), again, ticker
        served = rows_of(again, SERVED, {"ticker": ticker})
        self._places = {(row["content_id"], row["session_date"]): row for row in served}

    def price(self, bar: Mapping[str, Any], price: str, used: str) -> Input:
        """Find a price of a published bar. `used` is the column with what it was computed with."""
        place, key = self._places.get((bar["content_id"], bar["session_date"])), bar["file_key"]
        pointer, found = None, None
        if place is not None and key.endswith(".json"):
            pointer = price_pointer(price, place["position"])
            found = number_at(self._documents.of(key), pointer)
        elif place is not None:
            pointer, found = f"row {place['position']}, column {price}", place[price]
        return Input(bar["session_date"], price, bar[price], bar[used], key, pointer, found)

    def splits(self, first: date, contents: set[str]) -> Iterator[SplitInput]:
        """Find the splits after a day that count, and those by which responses divided their prices."""
        for row in rows_of(self._again, SPLITS, {"ticker": self._ticker, "first": first}):
            if row["is_counted"] or row["content_id"] in contents:
                for value, pointer, found in self._parts(row):
                    yield SplitInput(row["ex_date"], value, row["is_counted"], row["file_key"], pointer, found)

    def dividends(self, first: date, bars: Mapping[date, Mapping[str, Any]]) -> Iterator[DividendInput]:
        """Find the dividends after a day that count, each with the close of the session before. `bars` are all."""
        for row in rows_of(self._again, DIVIDENDS, {"ticker": self._ticker, "first": first}):
            before = self.price(bars[max(day for day in bars if day < row["ex_date"])], "close", "split_close")
            for value, pointer, found in self._parts(row):
                yield DividendInput(row["ex_date"], value, row["file_key"], pointer, found, before)

    def _parts(self, row: Mapping[str, Any]) -> list[tuple[float, str | None, float | None]]:
        """Return the served events of a day: the value that was used, its pointer and what stands there."""
        document = self._documents.of(row["file_key"])
        return [
            (part["served_value"], *event_at(document, part["section"], part["seconds"], part["served_value"]))
            for part in row["parts"]
        ]


def differences(**parts: Sequence[Input] | Sequence[SplitInput] | Sequence[DividendInput]) -> Iterator[str]:
    """Say which numbers are not in the bytes as they were used."""
    for kind, one in parts.items():
        different = [each for each in one if not each.is_same]
        if different:
            first = different[0]
            where = f"{first.key} {first.pointer}" if first.pointer else first.key
            yield f"{len(different):,} of {len(one):,} {kind} cannot be found in the bytes as they were used: {where}"


def other_value(name: str, published: float | None, again: float | None) -> str:
    """Say that the bytes give another value now."""
    return f"{name} is published as {published}, and the code of now computes {again} from the same bytes"


class _Documents:
    """Parsed raw objects: the last one that was asked for, because they are large and asked for in order."""

    def __init__(self, responses: FetchedObjects) -> None:
        self._responses = responses
        self._last: tuple[str, Any] = ("", None)

    def of(self, key: str) -> Any:
        if self._last[0] != key:
            self._last = (key, read_chart(self._responses.bytes_of(key)))
        return self._last[1]
