"""Lineage of a published value down to the bytes of its inputs: each is fetched and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.market.chart_pointers import number_at, price_pointer, ratio_at, read_chart, split_pointers
from tribolake.market.contract import BARS, CONTRACT, INDICATORS, UNIVERSE
from tribolake.market.derived import derived
from tribolake.market.formulas import Formula, formula_of
from tribolake.market.indicators import INDICATORS as NAMES
from tribolake.market.indicators import Computation
from tribolake.market.raw_objects import FetchedObjects, RawObject, fetched, published_objects
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings
from tribolake.sql import quoted
from tribolake.trace.chain import TracedRun
from tribolake.trace.find import find_gold, find_silver
from tribolake.trace.manifests import Publication, current_publication

# Sessions with all prices: others are not computed from.
SESSIONS = """
    select session_date from read_parquet($indicators)
    where ticker = $ticker and computation_version = $version
    order by session_date
"""
VALUE = """
    select {name} as value, undefined ->> $name as undefined from read_parquet($indicators)
    where ticker = $ticker and computation_version = $version and session_date = $session
"""
# Other responses have no bar that counts, so no value depends on them.
KEYS = "select distinct file_key from read_parquet($bars) where ticker = $ticker"
BARS_OF = "select * from read_parquet($bars) where ticker = $ticker and session_date between $first and $session"
SERVED = """
    select content_id, session_date, position, open, high, low, close, volume
    from silver.int_served_bars where ticker = $ticker and reason is null
"""
SPLITS = """
    select events.ex_date, events.served_value, events.is_counted, events.content_id, responses.file_key
    from silver.int_events as events
    inner join bronze.raw_responses as responses on events.content_id = responses.content_id
    where events.ticker = $ticker and events.kind = 'split' and events.ex_date > $first
    order by events.ex_date, responses.file_key
"""
AGAIN = """
    select {name} from gold.indicators
    where ticker = $ticker and computation_version = $version and session_date = $session
"""
FIELDS = "computation_version, averaging, macd_start, band_divisor, vwap_sessions, vwap_needed"


@dataclass(frozen=True)
class Input:
    """A number that a value was computed from: `used` is `served`, divided by later splits.

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
class ValueLineage:
    """A published value, and everything that it was computed from."""

    ticker: str
    symbol: str
    session_date: date
    name: str
    value: float | None
    undefined: str | None
    recomputed: float | None
    computation: Computation
    formula: Formula
    run: TracedRun
    sessions: int
    first_session: date
    objects: Sequence[RawObject]
    inputs: Sequence[Input]
    splits: Sequence[SplitInput]
    problems: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        raw = {one.key: {"version_id": one.version_id, "sha256": one.sha256} for one in self.objects}

        def described(one: Input | SplitInput) -> dict[str, Any]:
            return {**asdict(one), **raw.get(one.key, {}), "is_same": one.is_same}

        inputs, splits = [described(one) for one in self.inputs], [described(one) for one in self.splits]
        return asdict(self) | {"inputs": inputs, "splits": splits}


@dataclass(frozen=True)
class _Published:
    """A publication, and the rows of a ticker in it."""

    connection: duckdb.DuckDBPyConnection
    publication: Publication
    about: Mapping[str, Any]

    def rows(self, query: str, **more: Any) -> list[dict[str, Any]]:
        known = {**self.about, **more}
        return rows_of(self.connection, query, {name: known[name] for name in known if f"${name}" in query})


def lineage_of_value(
    settings: Settings, symbol: str, session: date, name: str, computation_version: str | None = None
) -> ValueLineage:
    """Trace a published value of an indicator to the bytes of raw objects, and compute it again from them.

    Args:
        settings: of the product.
        symbol: Yahoo's symbol.
        session: day of the market.
        name: of the indicator.
        computation_version: of the formula; None is the default.

    Returns:
        The lineage. Its `problems` say which raw objects are gone, and what differs.

    Raises:
        ConfigurationError: there is no such value.
        ContractBroken: a published file is not what its manifest says.
    """
    symbol = symbol_of(symbol)
    if name not in NAMES:
        raise ConfigurationError(f"{name[:40]!a} is not an indicator: choose one of {', '.join(NAMES)}")
    objects = open_objects(settings)
    publication = current_publication(objects, UNIVERSE)
    if publication is None:
        raise ConfigurationError(f"{settings.address} has no values yet: `tribolake market run` computes them")
    ticker = ticker_of(symbol)
    about = {
        "indicators": str(find_gold(objects, CONTRACT, publication, INDICATORS.name).path),
        "bars": str(find_silver(objects, CONTRACT, publication, BARS).path),
        "ticker": ticker,
        "session": session,
        "name": name,
    }
    with duckdb.connect() as reader:
        published = _Published(reader, publication, about)
        keys = {row["file_key"] for row in published.rows(KEYS)}
        raw = [one for one in published_objects(settings, publication).get(ticker, ()) if one.key in keys]
        with fetched(settings, raw) as responses, derived(responses, ["indicators"]) as again:
            computation = _computation(again, computation_version)
            published = replace(published, about={**about, "version": computation.computation_version})
            return _trace(objects, published, responses, again, symbol, computation)


def _computation(again: duckdb.DuckDBPyConnection, version: str | None) -> Computation:
    rows = again.execute(f"select is_default, {FIELDS} from seeds.computations order by computation_version").fetchall()
    for is_default, *fields in rows:
        if fields[0] == version or (version is None and is_default):
            return Computation(*fields)
    raise ConfigurationError(f"{version!a} is not a computation version: choose {' or '.join(row[1] for row in rows)}")


def _trace(
    objects: Objects,
    published: _Published,
    responses: FetchedObjects,
    again: duckdb.DuckDBPyConnection,
    symbol: str,
    computation: Computation,
) -> ValueLineage:
    about = published.about
    name, session, ticker = about["name"], about["session"], about["ticker"]
    sessions = [row["session_date"] for row in published.rows(SESSIONS)]
    if session not in sessions:
        raise ConfigurationError(_not_published(symbol, session, sessions))
    (row,) = published.rows(VALUE.format(name=quoted(name)))
    formula = formula_of(name, computation)
    upto = [day for day in sessions if day <= session]
    longest = max(len(upto) if count is None else min(count, len(upto)) for count in formula.reads.values())
    first = upto[-longest]
    bars = {row["session_date"]: row for row in published.rows(BARS_OF, first=first)}
    inputs = list(_inputs(formula, upto, bars, responses, again, ticker))
    is_adjusted = any(one.used != one.served for one in inputs)
    contents = {bars[day]["content_id"] for day in upto[-longest:]}
    splits = list(_splits(again, ticker, first, contents, responses)) if is_adjusted else []
    keys = {one.key for one in inputs} | {split.key for split in splits}
    recomputed = again.execute(
        AGAIN.format(name=quoted(name)), {"ticker": ticker, "version": about["version"], "session": session}
    ).fetchone()
    value_again = recomputed[0] if recomputed and not responses.problems else None
    problems = [*responses.problems, *_differences(inputs, splits)]
    if not responses.problems and value_again != row["value"]:
        problems.append(
            f"{name} is published as {row['value']}, and the code of now computes {value_again} from the same bytes"
        )
    return ValueLineage(
        ticker, symbol, session, name, row["value"], row["undefined"], value_again, computation, formula,
        TracedRun.of(objects, published.publication), longest, first,
        [one.raw for one in responses.objects if one.raw.key in keys], inputs, splits, problems,
    )  # fmt: skip


def _not_published(symbol: str, session: date, sessions: Sequence[date]) -> str:
    before = max((day for day in sessions if day < session), default=None)
    after = min((day for day in sessions if day > session), default=None)
    near = " and ".join(str(day) for day in (before, after) if day)
    hint = f"the nearest are {near}" if near else "`tribolake market status` lists the tickers"
    return f"no indicators of {symbol} of session {session} are published: {hint}"


def _inputs(
    formula: Formula,
    sessions: Sequence[date],
    bars: Mapping[date, Mapping[str, Any]],
    responses: FetchedObjects,
    again: duckdb.DuckDBPyConnection,
    ticker: str,
) -> Iterator[Input]:
    """Find each price of each session that a formula reads in the bytes of its raw object."""
    places = {(row["content_id"], row["session_date"]): row for row in rows_of(again, SERVED, {"ticker": ticker})}
    documents = _Documents(responses)
    for age, day in reversed(list(enumerate(reversed(sessions), start=1))):
        bar = bars.get(day)
        if bar is None:  # before the first session that is read
            continue
        for price, count in formula.reads.items():
            if count is not None and age > count:
                continue
            place, key = places.get((bar["content_id"], day)), bar["file_key"]
            pointer, found = None, None
            if place is not None and documents.is_chart(key):
                pointer = price_pointer(price, place["position"])
                found = number_at(documents.of(key), pointer)
            elif place is not None:
                pointer, found = f"row {place['position']}, column {price}", place[price]
            yield Input(day, price, bar[price], bar[f"split_{price}"], key, pointer, found)


def _splits(
    again: duckdb.DuckDBPyConnection, ticker: str, first: date, contents: set[str], responses: FetchedObjects
) -> Iterator[SplitInput]:
    """Find the splits that count, and those by which the responses of the inputs divided their prices."""
    documents = _Documents(responses)
    for row in rows_of(again, SPLITS, {"ticker": ticker, "first": first}):
        if row["is_counted"] or row["content_id"] in contents:
            document = documents.of(row["file_key"])
            ratios = {pointer: ratio_at(document, pointer) for pointer in split_pointers(document, row["ex_date"])}
            # Of several splits of a day the greatest counts, as the model has it.
            pointer = max(ratios, key=lambda one: ratios[one] or 0.0, default=None)
            found = ratios[pointer] if pointer else None
            yield SplitInput(row["ex_date"], row["served_value"], row["is_counted"], row["file_key"], pointer, found)


class _Documents:
    """Parsed raw objects: the last one that was asked for, because they are large and asked for in order."""

    def __init__(self, responses: FetchedObjects) -> None:
        self._responses = responses
        self._last: tuple[str, Any] = ("", None)

    def is_chart(self, key: str) -> bool:
        return key.endswith(".json")

    def of(self, key: str) -> Any:
        if self._last[0] != key:
            self._last = (key, read_chart(self._responses.bytes_of(key)))
        return self._last[1]


def _differences(inputs: Sequence[Input], splits: Sequence[SplitInput]) -> Iterator[str]:
    for one, kind in ((inputs, "prices"), (splits, "splits")):
        different = [each for each in one if not each.is_same]
        if different:
            first = different[0]
            where = f"{first.key} {first.pointer}" if first.pointer else first.key
            yield f"{len(different):,} of {len(one):,} {kind} cannot be found in the bytes as they were used: {where}"
