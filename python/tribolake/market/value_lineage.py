"""Lineage of a published value down to the bytes of its inputs: each is fetched and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.lake.replicas import open_objects
from tribolake.market.computing import MOMENTS
from tribolake.market.contract import BARS, CONTRACT, INDICATORS, PERCENTILES, UNIVERSE
from tribolake.market.derived import derived
from tribolake.market.feature_lineage import lineage_of_feature
from tribolake.market.features import FEATURES
from tribolake.market.formulas import formula_of, formula_of_moment
from tribolake.market.indicators import INDICATORS as NAMES
from tribolake.market.indicators import Computation
from tribolake.market.raw_objects import FetchedObjects, fetched, published_objects
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.market.traced_values import (
    Finder,
    Input,
    PublishedRows,
    ValueLineage,
    differences,
    not_published,
    other_value,
    used_objects,
)
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
BARS_OF = "select * from read_parquet($bars) where ticker = $ticker and session_date between $first and $session"
OF_SESSION = "ticker = $ticker and computation_version = $version and session_date = $session"
FIELDS = "computation_version, averaging, macd_start, band_divisor, vwap_sessions, vwap_needed"


@dataclass(frozen=True)
class _Asked:
    """A value that is asked for: an indicator, or a moment of one."""

    name: str
    indicator: str
    moment: str | None = None

    @property
    def kind(self) -> str:
        return "percentiles" if self.moment else "indicators"

    def value_in(self, rows: str) -> str:
        """Return the query of the value, and why it is undefined."""
        if self.moment:
            columns, condition = f"{quoted(self.moment)} as value, undefined ->> 'percentile'", "indicator = $asked"
        else:
            columns, condition = f"{quoted(self.name)} as value, undefined ->> $asked", "true"
        return f"select {columns} as undefined from {rows} where {OF_SESSION} and {condition}"


def _asked(name: str) -> _Asked:
    if name in NAMES:
        return _Asked(name, name)
    for moment in MOMENTS:
        indicator = name.removesuffix(f"_{moment}")
        if indicator != name and indicator in NAMES:
            return _Asked(name, indicator, moment)
    raise ConfigurationError(
        f"{name[:40]!a} is not an indicator, a feature or a percentile: choose one of "
        f"{', '.join((*NAMES, *FEATURES))}, or an indicator with _{', _'.join(MOMENTS)}"
    )


def lineage_of_value(
    settings: Settings, symbol: str, session: date, name: str, computation_version: str | None = None
) -> ValueLineage:
    """Trace a published value to the bytes of raw objects, and compute it again from them.

    Args:
        settings: of the product.
        symbol: Yahoo's symbol.
        session: day of the market.
        name: of an indicator or a feature, or an indicator and a moment, such as `rsi_14_percentile`.
        computation_version: of the formula of an indicator; None is the default.

    Returns:
        The lineage. Its `problems` say which raw objects are gone, and what differs.

    Raises:
        ConfigurationError: there is no such value.
        ContractBroken: a published file is not what its manifest says.
    """
    symbol = symbol_of(symbol)
    objects = open_objects(settings)
    publication = current_publication(objects, UNIVERSE)
    if publication is None:
        raise ConfigurationError(f"{settings.address} has no values yet: `tribolake market run` computes them")
    if name in FEATURES:
        return lineage_of_feature(settings, objects, publication, symbol, session, name, computation_version)
    return _lineage_of_indicator(settings, objects, publication, symbol, session, _asked(name), computation_version)


def _lineage_of_indicator(
    settings: Settings,
    objects: Objects,
    publication: Publication,
    symbol: str,
    session: date,
    asked: _Asked,
    computation_version: str | None,
) -> ValueLineage:
    ticker = ticker_of(symbol)
    about = {
        "bars": str(find_silver(objects, CONTRACT, publication, BARS).path),
        "ticker": ticker,
        "session": session,
        "asked": asked.indicator,
    } | {
        table.name: str(find_gold(objects, CONTRACT, publication, table.name).path)
        for table in (INDICATORS, PERCENTILES)
    }
    with duckdb.connect() as reader:
        published = PublishedRows(reader, publication, about)
        raw = used_objects(published, ticker, published_objects(settings, publication).get(ticker, ()))
        with fetched(settings, raw) as responses, derived(responses, [asked.kind]) as again:
            computation = _computation(again, computation_version)
            published = replace(published, about={**about, "version": computation.computation_version})
            return _trace(objects, published, responses, again, symbol, asked, computation)


def _computation(again: duckdb.DuckDBPyConnection, version: str | None) -> Computation:
    rows = again.execute(f"select is_default, {FIELDS} from seeds.computations order by computation_version").fetchall()
    for is_default, *fields in rows:
        if fields[0] == version or (version is None and is_default):
            return Computation(*fields)
    raise ConfigurationError(f"{version!a} is not a computation version: choose {' or '.join(row[1] for row in rows)}")


def _trace(
    objects: Objects,
    published: PublishedRows,
    responses: FetchedObjects,
    again: duckdb.DuckDBPyConnection,
    symbol: str,
    asked: _Asked,
    computation: Computation,
) -> ValueLineage:
    about = published.about
    session, ticker = about["session"], about["ticker"]
    sessions = [row["session_date"] for row in published.rows(SESSIONS)]
    rows = published.rows(asked.value_in(f"read_parquet(${asked.kind})")) if session in sessions else []
    if not rows:
        raise not_published(symbol, session, _with_values(published, asked))
    (row,) = rows
    formula = formula_of(asked.indicator, computation)
    if asked.moment:
        limits = again.execute("select lower, upper from seeds.thresholds where indicator = ?", [asked.indicator])
        formula = formula_of_moment(asked.indicator, asked.moment, formula, *limits.fetchall()[0])
    upto = [day for day in sessions if day <= session]
    longest = max(len(upto) if count is None else min(count, len(upto)) for count in formula.reads.values())
    first = upto[-longest]
    bars = {row["session_date"]: row for row in published.rows(BARS_OF, first=first)}
    finder = Finder(responses, again, ticker)
    inputs = list(_inputs(formula.reads, upto, bars, finder))
    is_adjusted = any(one.used != one.served for one in inputs)
    contents = {bars[day]["content_id"] for day in upto[-longest:]}
    splits = list(finder.splits(first, contents)) if is_adjusted else []
    keys = {one.key for one in inputs} | {split.key for split in splits}
    known = {name: about[name] for name in ("ticker", "version", "session", "asked")}
    recomputed = again.execute(asked.value_in(f"gold.{asked.kind}"), known).fetchone()
    value_again = recomputed[0] if recomputed and not responses.problems else None
    problems = [*responses.problems, *differences(prices=inputs, splits=splits)]
    if not responses.problems and value_again != row["value"]:
        problems.append(other_value(asked.name, row["value"], value_again))
    return ValueLineage(
        ticker, symbol, session, asked.name, row["value"], row["undefined"], value_again,
        computation.computation_version, computation, formula, TracedRun.of(objects, published.publication), longest,
        first, [one.raw for one in responses.objects if one.raw.key in keys], inputs, splits, [], problems,
    )  # fmt: skip


def _with_values(published: PublishedRows, asked: _Asked) -> list[date]:
    """Return the sessions that have such values. Percentiles have rows where the window is full, and the last one."""
    condition = "and indicator = $asked" if asked.moment else ""
    query = f"""
        select session_date from read_parquet(${asked.kind})
        where ticker = $ticker and computation_version = $version {condition}
    """
    return [row["session_date"] for row in published.rows(query)]


def _inputs(
    reads: Mapping[str, int | None], sessions: Sequence[date], bars: Mapping[date, Mapping[str, Any]], finder: Finder
) -> Iterator[Input]:
    """Find each price of each session that a formula reads."""
    for age, day in reversed(list(enumerate(reversed(sessions), start=1))):
        bar = bars.get(day)
        if bar is None:  # before the first session that is read
            continue
        for price, count in reads.items():
            if count is None or age <= count:
                yield finder.price(bar, price, f"split_{price}")
