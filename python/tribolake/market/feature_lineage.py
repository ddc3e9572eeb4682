"""Lineage of a published feature: closes adjusted for splits and dividends, of the ticker and of its benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError
from tribolake.lake.objects import Objects
from tribolake.market.benchmarks import published_benchmarks
from tribolake.market.computing import FEATURES_VERSION
from tribolake.market.contract import BARS, CONTRACT, FEATURES
from tribolake.market.derived import derived
from tribolake.market.features import OF_BENCHMARK
from tribolake.market.formulas import formula_of_feature, read_by_feature
from tribolake.market.raw_objects import fetched, published_objects
from tribolake.market.symbols import ticker_of
from tribolake.market.traced_values import (
    DividendInput,
    Finder,
    Input,
    PublishedRows,
    SplitInput,
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
from tribolake.trace.manifests import Publication

BARS_OF = "select * from read_parquet($bars) where ticker = $ticker order by session_date"
VALUE = "select {name} as value, undefined ->> $name as undefined from {rows} where ticker = $ticker and {session}"
Bars = Mapping[date, Mapping[str, Any]]


def lineage_of_feature(
    settings: Settings,
    objects: Objects,
    publication: Publication,
    symbol: str,
    session: date,
    name: str,
    version: str | None,
) -> ValueLineage:
    """Trace a published feature: see :func:`tribolake.market.value_lineage.lineage_of_value`."""
    if version not in (None, FEATURES_VERSION):
        raise ConfigurationError(f"{version!a} is not a computation version of features: choose {FEATURES_VERSION}")
    ticker = ticker_of(symbol)
    about: dict[str, Any] = {
        "features": str(find_gold(objects, CONTRACT, publication, FEATURES.name).path),
        "bars": str(find_silver(objects, CONTRACT, publication, BARS).path),
        "ticker": ticker,
        "session": session,
        "name": name,
    }
    query = VALUE.format(name=quoted(name), rows="{rows}", session="session_date = $session")
    with duckdb.connect() as reader:
        published = PublishedRows(reader, publication, about)
        bars = _bars_of(published, ticker)
        values = published.rows(query.format(rows="read_parquet($features)"))
        if session not in bars or not values:
            raise not_published(symbol, session, list(bars))
        benchmark = published_benchmarks(settings, about["bars"]).get(ticker) if name in OF_BENCHMARK else None
        tickers = [ticker, *([benchmark] if benchmark else [])]
        histories = [bars, *(_bars_of(published, one) for one in tickers[1:])]
        named = published_objects(settings, publication)
        raw = [each for one in tickers for each in used_objects(published, one, named.get(one, ()))]
    days = read_by_feature(name, [day for day in bars if day <= session])
    inputs: list[Input] = []
    splits: list[SplitInput] = []
    dividends: list[DividendInput] = []
    with fetched(settings, raw) as responses, derived(responses, ["features"]) as again:
        for one, history in zip(tickers, histories, strict=True):
            finder, read = Finder(responses, again, one), [day for day in days if day in history]
            own = [finder.price(history[day], "close", "adjusted_close") for day in read]
            if any(each.used != each.served for each in own):
                splits += finder.splits(read[0], {history[day]["content_id"] for day in read})
                dividends += finder.dividends(read[0], history)
            inputs += own
        found = again.execute(
            query.format(rows="gold.features"), {"name": name, "ticker": ticker, "session": session}
        ).fetchone()
    (row,) = values
    value_again = found[0] if found and not responses.problems else None
    problems = [*responses.problems, *differences(prices=inputs, splits=splits, dividends=dividends)]
    if not responses.problems and value_again != row["value"]:
        problems.append(other_value(name, row["value"], value_again))
    keys = {each.key for part in (inputs, splits, dividends) for each in part}
    keys |= {dividend.close_before.key for dividend in dividends}
    return ValueLineage(
        ticker, symbol, session, name, row["value"], row["undefined"], value_again, FEATURES_VERSION, None,
        formula_of_feature(name, benchmark), TracedRun.of(objects, publication), len(days), days[0],
        [one.raw for one in responses.objects if one.raw.key in keys], inputs, splits, dividends, problems,
    )  # fmt: skip


def _bars_of(published: PublishedRows, ticker: str) -> Bars:
    return {row["session_date"]: row for row in published.rows(BARS_OF, ticker=ticker)}
