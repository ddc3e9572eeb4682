"""The pages of market data: tickers, and what is computed of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from tribolake.market.features import FEATURES
from tribolake.market.indicators import INDICATORS
from tribolake.market.market_lake import Body, StoredVersion
from tribolake.market.processed import parse_processed
from tribolake.seeds import read_seed
from tribolake.web.addresses import MARKET, MARKET_VALUE, TAKE_MARKET, Addresses
from tribolake.web.views.history import HistoryPart, short
from tribolake.web.views.parts import File, tables_of
from tribolake.web.views.report import Fact
from tribolake.web.words import Words, words_in

# Why values are undefined.
UNDEFINED = tuple(f"undefined.{name}" for name in ("sessions", "volume", "flat", "gaps", "benchmark", "year"))
SHOWN = 20  # computations


@dataclass(frozen=True)
class Ticker:
    """A ticker, as far as its prices reach."""

    symbol: str
    href: str
    session: str
    close: str
    rsi: str
    sessions: str
    missing: str
    corrections: str
    rejected: str


@dataclass(frozen=True)
class Problem:
    """What a person should know. `told` is what a command says of it, in English."""

    text: str
    told: str = ""


@dataclass(frozen=True)
class MarketPage:
    """The tickers, and what a person should know of them."""

    tickers: tuple[Ticker, ...]
    problems: tuple[Problem, ...]
    facts: tuple[Fact, ...]
    downloads: tuple[File, ...]


@dataclass(frozen=True)
class Value:
    """A value of a session, and its percentile in the last 252. `note` says why it is undefined."""

    name: str
    text: str
    percentile: str
    note: str
    href: str | None


@dataclass(frozen=True)
class Computation:
    """A stored computation."""

    moment: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class TickerPage:
    """What is computed of a ticker: its values, the raw objects that they are from, and other computations."""

    symbol: str
    home: str
    facts: tuple[Fact, ...]
    indicators: tuple[Value, ...]
    features: tuple[Value, ...]
    sources: tuple[tuple[Fact, ...], ...]
    computations: tuple[Computation, ...]
    json: tuple[Fact, ...]
    language: str | None
    session: str
    history: HistoryPart | None
    downloads: tuple[File, ...]


def market_page(status: Mapping[str, Any], words: Words, addresses: Addresses) -> MarketPage:
    """Return the page of what `market status` says."""
    attempt = status["last_attempt"]
    run = (("lineage.run", attempt["run_id"]), ("market.version", status["current_version"]))
    return MarketPage(
        tuple(_ticker(row, words, addresses) for row in status["tickers"]),
        tuple(_problems(status, words)),
        tuple(Fact(words(name), text) for name, text in run if text),
        tables_of(lambda form: addresses.page(TAKE_MARKET, form=form)),
    )


def _ticker(row: Mapping[str, Any], words: Words, addresses: Addresses) -> Ticker:
    close = f"{short(row['close'], words)} {row['currency'] or ''}".strip()
    counts = (words.number(row[name]) for name in ("sessions", "missing", "corrections", "rejected"))
    symbol = row["symbol"] or row["ticker"]
    href = addresses.page(MARKET, ticker=symbol)
    return Ticker(symbol, href, words.day(row["last_session"]), close, short(row["rsi_14"], words), *counts)


def _problems(status: Mapping[str, Any], words: Words) -> Iterator[Problem]:
    if status["waiting"]:
        yield Problem(words("market.waiting", n=words.number(len(status["waiting"]))))
    if problem := status["last_attempt"]["problem"]:
        yield Problem(words("market.failed"), problem)
    for one in status["held_tickers"]:
        found = [row for row in status["findings"] if row["ticker"] == one["ticker"] and row["severity"] == "hold back"]
        why = "; ".join(_finding(row, words) for row in found)
        yield Problem(words("market.held", symbol=one["symbol"], why=why or one["problem"]))
    for one in status["failed_files"]:
        yield Problem(words("market.unused", file=one["file"]), one["problem"])
    for one in status["deliveries"]:
        yield Problem(words("market.undelivered", sink=one["sink"], n=words.number(one["waiting"])))


def _finding(found: Mapping[str, Any], words: Words) -> str:
    """Say what a quality rule found. A rule that the seed has no more is said as it was published, in English."""
    rules = (row for row in read_seed("market", "quality_rules") if row["rule"] == found["rule"])
    rule = next((row for row in rules if float(row["parameter"]) == found["allowed"]), None)
    if rule is None:
        return str(found["words"])
    named = {"measure": words.of_row(rule, "measure"), "advice": words.of_row(rule, "advice")}
    value, allowed = (words.number(round(found[name], 4)) for name in ("value", "allowed"))
    day = words.day(found["last_session"])
    text_id = "market.finding_on" if day else "market.finding"
    return words(text_id, rule=found["rule"], value=value, allowed=allowed, day=day, **named)


def ticker_page(
    symbol: str,
    bodies: Mapping[str, Body | None],
    versions: Sequence[StoredVersion],
    words: Words,
    addresses: Addresses,
    *,
    is_latest: bool,
    asked_session: date | None,
    history: HistoryPart | None,
    downloads: tuple[File, ...],
) -> TickerPage:
    """Return the page of a ticker.

    Args:
        symbol: Yahoo's symbol.
        bodies: processed objects of one computation by kind; indicators are there.
        versions: every stored computation of its indicators, the latest first.
        words: language of the page.
        addresses: of pages in this language.
        is_latest: whether it is the latest computation of its session, whose values can be traced.
        asked_session: day of the market that was asked for.
        history: charts of what is published of the ticker. None shows none.
        downloads: the same values as files.
    """
    indicators = bodies["indicators"] or {}
    own = parse_processed(indicators["key"])
    session = str(indicators.get("session_date") or "")
    about = (
        ("market.session", words.day(session)),
        ("market.computed", f"{words.moment(indicators['computed_at'])} UTC"),
        ("market.version", indicators["computation_version"]),
        ("lineage.run", indicators.get("run_id")),
    )

    def traced(name: str) -> str | None:
        version = indicators["computation_version"] if name in indicators["values"] else None
        query = {"ticker": symbol, "session": session, "name": name, "computation_version": version}
        return addresses.page(MARKET_VALUE, **query) if is_latest and session else None

    percentiles = (bodies["percentiles"] or {}).get("values", {})
    stamps = {parsed.stamp: parsed.computed_at for one in versions if (parsed := parse_processed(one.key))}
    return TickerPage(
        symbol,
        addresses.page(MARKET),
        tuple(Fact(words(name), text) for name, text in about if text),
        tuple(_values(indicators, percentiles, words, traced)),
        tuple(_values(bodies["features"] or {}, {}, words, traced)),
        tuple(source_facts(one, words) for one in indicators["sources"]),
        tuple(
            Computation(
                f"{words.moment(at.isoformat())} UTC",
                addresses.page(MARKET, ticker=symbol, version=stamp),
                own is not None and stamp == own.stamp,
            )
            for stamp, at in list(stamps.items())[:SHOWN]
        ),
        tuple(Fact("JSON", kind, _json_of(kind, body, symbol)) for kind, body in bodies.items() if body),
        addresses.language,
        str(asked_session or ""),
        history,
        downloads,
    )


def _json_of(kind: str, body: Body, symbol: str) -> str:
    """Return the address of a processed object as JSON."""
    key = parse_processed(body["key"])
    return Addresses().page(f"/market/{kind}", ticker=symbol, version=key.stamp if key else None)


def _values(
    body: Mapping[str, Any], percentiles: Mapping[str, Any], words: Words, traced: Callable[[str], str | None]
) -> Iterator[Value]:
    undefined, found = body.get("undefined") or {}, body.get("values", {})
    known = [name for name in (*INDICATORS, *FEATURES) if name in found]
    for name in (*known, *(name for name in found if name not in known)):
        ranked = percentiles.get(name) or {}
        text, percentile = (short(one, words) for one in (found[name], ranked.get("percentile")))
        yield Value(name, text, percentile, why_undefined(undefined.get(name), words), traced(name))


def why_undefined(published: str | None, words: Words) -> str:
    """Say why a value is undefined. Files have it in English."""
    for text_id in UNDEFINED:
        if found := _pattern_of(text_id).fullmatch(published or ""):
            return words(text_id, **found.groupdict())
    return published or ""


@cache
def _pattern_of(text_id: str) -> re.Pattern[str]:
    """Return the pattern of a published text, which is the English one of the pages."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\S+)", words_in("en").texts[text_id]))


def source_facts(source: Mapping[str, Any], words: Words) -> tuple[Fact, ...]:
    """Return what a page says of a raw object."""
    facts = (
        ("report.file", source["key"]),
        ("lineage.version", source.get("version_id")),
        ("lineage.sha", source.get("sha256")),
        ("market.sessions", words.number(source.get("sessions"))),
    )
    return tuple(Fact(words(name), text) for name, text in facts if text)
