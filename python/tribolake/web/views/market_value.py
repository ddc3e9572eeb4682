"""The page of a value of market data: its formula, and the numbers in the responses that it was computed from."""

from __future__ import annotations

from dataclasses import dataclass

from tribolake.market.traced_values import Input, ValueLineage
from tribolake.web.addresses import MARKET, TAKE_MARKET_VALUE, Addresses
from tribolake.web.views.market import source_facts, why_undefined
from tribolake.web.views.parts import File, tables_of
from tribolake.web.views.report import Fact
from tribolake.web.words import Words

SHOWN = 20  # numbers and raw objects; the JSON has all


@dataclass(frozen=True)
class PlacedNumber:
    """A number of a raw object that a value was computed from."""

    session: str
    price: str
    served: str
    used: str
    place: str
    is_same: bool


@dataclass(frozen=True)
class ValuePage:
    """A value, down to the numbers in the responses."""

    symbol: str
    home: str
    ticker_href: str
    name: str
    facts: tuple[Fact, ...]
    formula: str
    problems: tuple[str, ...]
    objects: tuple[tuple[Fact, ...], ...]
    inputs: tuple[PlacedNumber, ...]
    rest: str
    json: str
    downloads: tuple[File, ...]


def value_page(found: ValueLineage, words: Words, addresses: Addresses) -> ValuePage:
    """Return the page of a value's lineage."""
    value = why_undefined(found.undefined, words) if found.value is None else words.number(repr(found.value))
    about = (
        ("report.value", value),
        ("market.session", words.day(found.session_date)),
        ("market.version", found.computation_version),
        ("market.first", words.day(found.first_session)),
        ("market.sessions", words.number(found.sessions)),
        ("lineage.run", found.run.run_id),
        ("lineage.manifest", found.run.manifest),
    )
    rest = words("market.rest", shown=words.number(SHOWN), all=words.number(len(found.inputs)))
    query = {
        "ticker": found.symbol,
        "session": found.session_date,
        "name": found.name,
        "computation_version": found.computation_version,
    }
    return ValuePage(
        found.symbol,
        addresses.page(MARKET),
        addresses.page(MARKET, ticker=found.symbol),
        found.name,
        tuple(Fact(words(name), text) for name, text in about if text),
        found.formula.text,
        tuple(found.problems),
        tuple(
            source_facts({"key": one.key, "version_id": one.version_id, "sha256": one.sha256}, words)
            for one in found.objects[-SHOWN:]
        ),
        tuple(_placed(one, words) for one in found.inputs[-SHOWN:]),
        rest if len(found.inputs) > SHOWN else "",
        Addresses().page("/market/lineage", **query),
        tables_of(lambda form: addresses.page(TAKE_MARKET_VALUE, **query, form=form)),
    )


def _placed(one: Input, words: Words) -> PlacedNumber:
    served, used = (words.number(repr(number)) for number in (one.served, one.used))
    return PlacedNumber(words.day(one.session_date), one.price, served, used, one.pointer or one.key, one.is_same)
