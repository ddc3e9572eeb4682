"""Charts of a ticker: price with averages and bands, strength, and MACD. A table has some of their sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from tribolake.market.history import DRAWN, EVENTS, PRICES, History
from tribolake.seeds import read_seed
from tribolake.web.addresses import MARKET, MARKET_VALUE, TAKE_MARKET_SERIES, Addresses
from tribolake.web.views.axis import texts_of_days
from tribolake.web.views.charts import Chart
from tribolake.web.views.machine import Choice
from tribolake.web.views.parts import File, tables_of
from tribolake.web.views.plot import HEIGHT, Course, Limit, Mark, Text, Value, plot_of
from tribolake.web.words import Words

Range = Literal["1y", "5y", "all"]
YEARS: dict[Range, int | None] = {"1y": 1, "5y": 5, "all": None}
MOST_DRAWN = 300  # sessions: a year, and about one for each unit of a chart
TOLD_SESSIONS = 12  # points that lead on, and columns of the table
MOST_EVENTS = 8
DIGITS = 6  # of a number on a page; the JSON and the tables to take along have all
Session = Mapping[str, Any]
Traced = Callable[[Session, str], str]


@dataclass(frozen=True)
class Kind:
    """A chart: the column of its values, the one whose origin its points lead to, and the columns behind them.

    Thresholds are those of an indicator of the seed `thresholds`.
    """

    name: str
    column: str
    origin: str
    behind: tuple[str, ...]
    threshold: str
    height: int = HEIGHT


KINDS = (
    Kind("price", "split_close", "sma_50", ("bb_upper", "bb_lower", "sma_50", "sma_200", "adjusted_close"), "", 200),
    Kind("rsi", "rsi_14", "rsi_14", (), "rsi_14"),
    Kind("macd", "macd", "macd", ("macd_hist", "macd_signal"), "macd_hist"),
)
STEMS = ("macd_hist",)
NAMED_ABOVE = ("rsi_14", "macd", "bb_lower")  # a chart says what it is of, and both bands have one name


@dataclass(frozen=True)
class Cell:
    """A value of the table, and where it comes from."""

    text: str
    href: str


@dataclass(frozen=True)
class HistoryPart:
    """The charts of a ticker. `lines` have a class and a name each, for a legend; `table` has names and cells."""

    ranges: tuple[Choice, ...]
    note: str
    charts: tuple[Chart, ...]
    lines: tuple[tuple[str, str], ...]
    events: tuple[str, ...]
    days: tuple[str, ...]
    table: tuple[tuple[str, tuple[Cell, ...]], ...]
    downloads: tuple[File, ...]


def history_part(found: History, chosen: Range, words: Words, addresses: Addresses) -> HistoryPart:
    """Return the charts of what is published of a ticker.

    Args:
        found: its sessions.
        chosen: the range that they are of.
        words: the language.
        addresses: those of pages.
    """
    sessions = found.sessions
    step = ceil(len(sessions) / MOST_DRAWN)
    drawn = every(sessions, step)
    told = every(drawn, ceil(len(drawn) / TOLD_SESSIONS))

    def traced(session: Session, name: str) -> str:
        if session[name] is None or name in PRICES:
            return ""
        query = {"ticker": found.symbol, "session": session["session_date"], "name": name}
        return addresses.page(MARKET_VALUE, **query, computation_version=found.computation_version)

    first, last = (words.day(sessions[place]["session_date"]) for place in (0, -1))
    note = words("history.note", n=words.number(len(sessions)), first=first, last=last)
    links = ((name, addresses.page(MARKET, ticker=found.symbol, range=name)) for name in YEARS)
    query = {"ticker": found.symbol, "version": found.computation_version, "range": chosen}
    shown = [kind for kind in KINDS if any(one[kind.column] is not None for one in drawn)]
    return HistoryPart(
        tuple(Choice(words(f"history.{name}"), f"{href}#history", name == chosen) for name, href in links),
        f"{note} {words('history.step', step=words.number(step))}" if step > 1 else note,
        tuple(_chart(kind, sessions, drawn, told, words, traced) for kind in shown),
        tuple(
            (name, words(f"history.{name}"))
            for kind in shown
            for name in _columns(kind, drawn)
            if name not in NAMED_ABOVE
        ),
        tuple(_events(sessions, words)),
        tuple(words.day(one["session_date"]) for one in reversed(told)),
        tuple(
            (name, tuple(Cell(short(one[name], words), traced(one, name)) for one in reversed(told)))
            for name in (*PRICES, *DRAWN)
        ),
        tables_of(lambda form: addresses.page(TAKE_MARKET_SERIES, **query, form=form)),
    )


def every(sessions: Sequence[Session], step: int) -> Sequence[Session]:
    """Return each so manyth session, the last one among them."""
    return sessions[(len(sessions) - 1) % step :: step]


def short(value: object, words: Words) -> str:
    """Return a number to as many digits as people compare. Programs may store texts through `MarketLake`."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return words.number(float(f"{value:.{DIGITS}g}")) if is_number else "" if value is None else str(value)


def _columns(kind: Kind, drawn: Sequence[Session]) -> list[str]:
    """Return the columns of a chart. Without dividends adjusted prices are the same line."""
    is_same = all(one["adjusted_close"] == one["split_close"] for one in drawn)
    return [kind.column, *(name for name in kind.behind if not (is_same and name == "adjusted_close"))]


def _chart(
    kind: Kind,
    sessions: Sequence[Session],
    drawn: Sequence[Session],
    told: Sequence[Session],
    words: Words,
    traced: Traced,
) -> Chart:
    """Return a chart of sessions that are `drawn`. Points of those that are `told` lead on."""
    leads = {one["session_date"]: traced(one, kind.origin) for one in told}
    values = [
        Value(_at(one), one[kind.column], label=_said(kind, one, words), href=leads.get(one["session_date"], ""))
        for one in drawn
        if one[kind.column] is not None
    ]
    _, *behind = _columns(kind, drawn)
    courses = [
        Course(name, [(_at(one), one[name]) for one in drawn if one[name] is not None], name in STEMS)
        for name in behind
    ]
    thresholds = [
        float(row[side])
        for row in read_seed("market", "thresholds")
        for side in ("lower", "upper")
        if row["indicator"] == kind.threshold
    ]
    marks = [
        Mark(_at(one), event) for one in sessions for event in EVENTS if kind.name == "price" and one[event] is not None
    ]
    first, last = sessions[0]["session_date"], sessions[-1]["session_date"]
    limits = [Limit(value, "threshold") for value in dict.fromkeys(thresholds)]
    plot = plot_of(
        values, limits, marks, first.toordinal(), last.toordinal(), texts_of_days(first, last, words), (), courses,
        has_dots=False, height=kind.height,
    )  # fmt: skip
    name = words(f"history.{kind.name}")
    low, high = (short(one(value.value for value in values), words) for one in (min, max))
    bounds = words("chart.limits", limits=" / ".join(map(words.number, dict.fromkeys(thresholds)))) if limits else ""
    return Chart(
        name,
        short(values[-1].value, words),
        (sessions[-1]["currency"] or "") if kind.name == "price" else "",
        "", "", "",
        words("history.label", name=name, n=words.number(len(values)), last=values[-1].label),
        words("chart.description", low=low, high=high, limits=bounds).strip(),
        plot,
        tuple(Text(label.at, words.number(label.value)) for label in plot.values),
    )  # fmt: skip


def _at(session: Session) -> float:
    return float(session["session_date"].toordinal())


def _said(kind: Kind, session: Session, words: Words) -> str:
    names = [name for name in dict.fromkeys((kind.column, kind.origin)) if session[name] is not None]
    values = ", ".join(f"{words(f'history.{name}')} {short(session[name], words)}" for name in names)
    return f"{words.day(session['session_date'])}: {values}"


def _events(sessions: Sequence[Session], words: Words) -> Iterator[str]:
    """Say the newest splits and dividends."""
    found = [(one, event) for one in reversed(sessions) for event in EVENTS if one[event] is not None]
    for one, event in found[:MOST_EVENTS]:
        day, size = words.day(one["session_date"]), short(one[event], words)
        yield words(f"history.{event}_on", day=day, size=size, currency=one["currency"] or "").strip()
    if len(found) > MOST_EVENTS:
        yield words("history.more", n=words.number(len(found) - MOST_EVENTS))
