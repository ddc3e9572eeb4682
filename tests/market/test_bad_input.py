"""Bad input, a row each of the table in docs/market.md, is refused by response or by bar. Others are not affected."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.market.small_warehouse import SmallWarehouse, compiled_models, reason_of, written

from tribolake.market.charts import MOST_BARS, MOST_EVENTS
from tribolake.market.responses import MOST_BYTES
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, opening_time, random_walk
from tribolake.settings import PROJECT_DIR

SPLIT, LAST = date(2023, 3, 1), date(2023, 4, 14)
SHARE = random_walk("NVDA", 75, splits={SPLIT: 10.0}, dividends={date(2023, 2, 8): 0.8})
TO_COME = opening_time(LAST + timedelta(days=40), SHARE.zone)
GOOD = key_of("NVDA", after_close(LAST)), as_bytes(chart_of(SHARE, LAST))
Chart = dict[str, Any]
Change = Callable[[Chart], object]


@dataclass(frozen=True)
class Case:
    """Bad input. `row` is the first cell of a row of the docs.

    A response that is refused has `refused` in its message. Otherwise `bars` of its 75 are rejected, for `reason`.
    """

    row: str
    bad: Change | bytes
    refused: str | None = None
    reason: str | None = None
    bars: int = 1

    def response(self, number: int) -> tuple[str, bytes]:
        symbol = f"BAD{number}"
        key = key_of(symbol, after_close(LAST))
        if isinstance(self.bad, bytes):
            return key, self.bad
        chart = chart_of(replace(SHARE, symbol=symbol), LAST)
        self.bad(chart)
        return key, as_bytes(chart)


def result(chart: Chart) -> Chart:
    found: Chart = chart["chart"]["result"][0]
    return found


def meta(chart: Chart) -> Chart:
    found: Chart = result(chart)["meta"]
    return found


def quote(chart: Chart) -> Chart:
    found: Chart = result(chart)["indicators"]["quote"][0]
    return found


def at(name: str, position: int, value: object) -> Change:
    def change(chart: Chart) -> None:
        (result(chart)["timestamp"] if name == "timestamp" else quote(chart)[name])[position] = value

    return change


def between_open_and_close(name: str) -> Change:
    return lambda chart: at(name, 9, (quote(chart)["open"][9] + quote(chart)["close"][9]) / 2)(chart)


def renamed(part: Callable[[Chart], Chart], before: str, after: str) -> Change:
    return lambda chart: part(chart).update({after: part(chart).pop(before)})


def every_time(change: Callable[[int], object]) -> Change:
    return lambda chart: result(chart).update(timestamp=[change(time) for time in result(chart)["timestamp"]])


def of_null_rows(*positions: int) -> Change:
    return lambda chart: [at(name, position, None)(chart) for name in quote(chart) for position in positions]


def event(kind: str, **fields: object) -> Change:
    """Change the fields of the first split or dividend."""
    return lambda chart: next(iter(result(chart)["events"][kind].values())).update(fields)


def regular(**fields: object) -> Change:
    return lambda chart: meta(chart)["currentTradingPeriod"]["regular"].update(fields)


def with_unfinished_session(chart: Chart) -> None:
    period = meta(chart)["currentTradingPeriod"]["regular"]
    period["end"] = int(after_close(LAST).timestamp()) + 3600


ERROR = {"result": None, "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"}}
CASES = [
    Case("empty `result`", lambda chart: chart["chart"].update(result=[]), "no result"),
    Case("empty `result`", lambda chart: chart["chart"].update(result=None), "no result"),
    Case("empty `result`", lambda chart: chart.clear(), "no result"),
    Case("empty `result`", b"null", "no result"),
    Case("error object", lambda chart: chart.update(chart=ERROR), "Not Found: No data found, symbol may be delisted"),
    Case("error object", lambda chart: chart["chart"].update(error={"code": "\x1b[2J", "description": "n"}), "[2J: n"),
    Case("error object", lambda chart: chart["chart"].update(error="boom"), 'Yahoo answered "boom"'),
    Case("web page", b"<!doctype html><title>Will be right back</title>", "web page"),
    Case("web page", b" \r\n<html>", "web page"),
    Case("web page", "\ufeff<html>".encode(), "web page"),
    Case("cut off", GOOD[1][:-20], "cut off"),
    Case("cut off", GOOD[1][:1], "cut off"),
    Case("cut off", b"", "not JSON"),
    Case("not JSON, or too deep", b"[" * 200_000, "not JSON"),
    Case("not JSON, or too deep", b"[" * 200_000 + b"]" * 200_000, "no result"),
    Case("not JSON, or too deep", b"\xff\xfe\x00", "not text in UTF-8"),
    Case("`NaN`, `Infinity`", at("close", 9, float("nan")), reason="close_missing"),
    Case("`NaN`, `Infinity`", at("high", 9, float("inf")), reason="not_finite"),
    Case("`NaN`, `Infinity`", at("open", 9, float("nan")), bars=0),
    Case("`NaN`, `Infinity`", at("volume", 9, float("-inf")), reason="not_finite"),
    Case("`adjclose` missing", lambda chart: result(chart)["indicators"].pop("adjclose"), bars=0),
    Case("`adjclose` missing", lambda chart: result(chart)["indicators"]["adjclose"][0]["adjclose"].pop(), bars=0),
    Case("arrays of unequal length", lambda chart: quote(chart)["open"].pop(), "open has 74 values for 75 times"),
    Case("arrays of unequal length", lambda chart: result(chart)["timestamp"].pop(), "open has 75 values for 74 times"),
    Case("no bars", lambda chart: result(chart).update(timestamp=[]), "no bars"),
    Case("times doubled", at("timestamp", 9, opening_time(SHARE.days[8], SHARE.zone)), reason="session_doubled"),
    Case("times unsorted", lambda chart: [values.reverse() for values in (
        result(chart)["timestamp"], result(chart)["indicators"]["adjclose"][0]["adjclose"], *quote(chart).values()
    )], bars=0),
    Case("times in milliseconds", every_time(lambda time: time * 1000), reason="time_unreadable", bars=75),
    Case("times in milliseconds", at("timestamp", 9, 10**30), reason="time_unreadable"),
    Case("times in milliseconds", at("timestamp", 9, None), reason="time_unreadable"),
    Case("times in milliseconds", at("timestamp", 0, -62_000_000_000), reason="time_unreadable"),
    Case("times in milliseconds", at("timestamp", 0, -90_000_000_000), reason="time_unreadable"),
    Case("times to come", at("timestamp", 9, TO_COME), reason="date_not_come"),
    Case("unknown zone", lambda chart: meta(chart).update(exchangeTimezoneName="Mars/Base"), "zone Mars/Base"),
    Case("unknown zone", lambda chart: meta(chart).pop("exchangeTimezoneName"), "zone null"),
    Case("null last row", of_null_rows(-1), reason="close_missing"),
    Case("null last row", of_null_rows(3, 4, -1), reason="close_missing", bars=3),
    Case("partial day", with_unfinished_session, reason="session_unfinished"),
    *(Case("partial day", regular(**period), reason="session_unfinished") for period in (
        {"start": None, "end": None},
        {"end": None},
        {"end": 10**18},
        {"start": 10**18, "end": -(10**18)},
        {"start": opening_time(SHARE.days[-2], SHARE.zone), "end": opening_time(SHARE.days[-2], SHARE.zone) + 1},
    )),
    Case("partial day", lambda chart: meta(chart).pop("currentTradingPeriod"), reason="session_unfinished"),
    Case("fields renamed", renamed(quote, "close", "last"), "no close: a field was renamed"),
    Case("fields renamed", renamed(result, "timestamp", "timestamps"), "no bars"),
    Case("fields renamed", renamed(result, "indicators", "series"), "no open: a field was renamed"),
    Case("fields renamed", renamed(result, "meta", "about"), "no result"),
    Case("values of another type", lambda chart: quote(chart).update(close="many"), "no close"),
    Case("values of another type", at("close", 9, "twelve"), reason="close_missing"),
    Case("values of another type", at("volume", 9, "12"), bars=0),
    Case("values of another type", at("close", 9, True), reason="close_missing"),
    Case("values of another type", at("timestamp", 9, False), reason="time_unreadable"),
    *(Case("splits or dividends that cannot be read", change, words) for change, words in (
        (event("splits", numerator=0), "one of its splits cannot be read"),
        (event("splits", denominator=0), '"denominator":0'),
        (event("splits", numerator="ten"), '"numerator":"ten"'),
        (event("splits", numerator=1e308, denominator=1e-9), "splits cannot be read"),
        (event("splits", date=10**17), "splits cannot be read"),
        (event("splits", date=None), "splits cannot be read"),
        (event("dividends", amount=-1), "dividends cannot be read"),
        (event("dividends", amount="\x1b[31m" + "much"), "dividends cannot be read"),
        (event("dividends", date=10**13), "dividends cannot be read"),
        (lambda chart: result(chart)["events"].update(splits=[{"numerator": 2}]), "splits are not named"),
        (lambda chart: result(chart).update(events=["splits"]), "its events are not"),
    )),
    Case("splits or dividends that cannot be read", event("splits", numerator="10"), bars=0),
    Case("names that cannot be", lambda chart: meta(chart).update(currency="U\0SD"), "cannot be one: U?SD"),
    Case("names that cannot be", lambda chart: meta(chart).update(currency=True), "its currency cannot be one"),
    Case("names that cannot be", lambda chart: meta(chart).update(exchangeName="\x1b[31mNMS"), "exchangeName cannot"),
    Case("names that cannot be", lambda chart: meta(chart).update(exchangeName="N" * 3_000_000), "exchangeName cannot"),
    Case("names that cannot be", lambda chart: meta(chart).pop("currency"), bars=0),
    Case("prices that cannot be", at("high", 9, 1.0), reason="high_below_price"),
    Case("prices that cannot be", at("low", 9, 1e6), reason="low_above_price"),
    Case("prices that cannot be", between_open_and_close("high"), reason="high_below_price"),
    Case("prices that cannot be", between_open_and_close("low"), reason="low_above_price"),
    Case("prices that cannot be", at("low", 9, 0.0), reason="price_not_positive"),
    Case("prices that cannot be", at("open", 9, -1.0), reason="price_not_positive"),
    Case("prices that cannot be", at("volume", 9, -1), reason="volume_negative"),
    Case("another symbol", lambda chart: meta(chart).update(symbol="AMD"), "symbol AMD"),
    Case("bars that are not daily", lambda chart: meta(chart).update(dataGranularity="1wk"), "bars are of 1wk"),
    Case("too many bars", lambda chart: result(chart).update(timestamp=[9] * (MOST_BARS + 1)), f"{MOST_BARS + 1} bars"),
    Case("too many bars", lambda chart: result(chart).update(timestamp=[1] * 10**6), "1000000 bars"),
    Case(
        "too many splits, dividends or gains",
        lambda chart: result(chart).update(
            events={"dividends": {str(n): {"amount": 1, "date": n} for n in range(MOST_EVENTS + 1)}}
        ),
        f"{MOST_EVENTS + 1} splits, dividends or gains",
    ),
    Case("too many bytes", b" " * (MOST_BYTES + 1), f"{MOST_BYTES + 1:,} bytes"),
    Case("too many bytes", GOOD[1] + b" " * 50_000_000, "at most 16,777,216 are read"),
]  # fmt: skip
NUMBERS = range(len(CASES))
Make = Callable[[], SmallWarehouse]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models = compiled_models(written(tmp_path_factory.mktemp("compiled")))
    return lambda: SmallWarehouse(models, written(Path(tempfile.mkdtemp())))


@pytest.fixture(scope="module")
def warehouse(new: Make) -> SmallWarehouse:
    """One build of everything that is bad, each of a ticker of its own, and of a good response."""
    built = new()
    built.deliver([GOOD, *(case.response(number) for number, case in enumerate(CASES))])
    return built


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: CASES[number].row)
def test_bad_input_is_refused_by_response_or_by_bar(warehouse: SmallWarehouse, number: int):
    case, of_ticker = CASES[number], f"where ticker = 'BAD{number}'"
    rejected = warehouse.rows(f"select reason from silver.rejected_bars {of_ticker}")
    used = warehouse.rows(f"select 1 from silver.bars {of_ticker}")
    if case.refused:
        assert case.refused in reason_of(warehouse, key_of(f"BAD{number}", after_close(LAST)))
        assert rejected == used == []
    else:
        assert rejected == ([{"reason": case.reason}] * case.bars if case.reason else [])
        assert len(used) == 75 - len(rejected)


def test_other_tickers_are_not_affected(new: Make, warehouse: SmallWarehouse):
    alone = new()
    alone.deliver([GOOD])
    query = "select * from silver.bars where ticker = 'NVDA' order by session_date"
    assert warehouse.rows(query) == alone.rows(query) and len(alone.rows(query)) == 75


def test_first_of_two_bars_of_a_session_counts(warehouse: SmallWarehouse):
    number = next(number for number in NUMBERS if CASES[number].row == "times doubled")
    rejected = warehouse.rows(f"select position from silver.rejected_bars where ticker = 'BAD{number}'")
    assert rejected == [{"position": 10}]


def test_message_about_a_response_has_no_control_characters(warehouse: SmallWarehouse):
    (found,) = warehouse.rows(
        r"select count(*) as bad from bronze.raw_responses where regexp_matches(message, '\p{C}')"
    )
    assert found == {"bad": 0}


def test_chart_with_a_byte_order_mark_is_read(new: Make):
    warehouse = new()
    warehouse.deliver([(GOOD[0], b"\xef\xbb\xbf" + GOOD[1])])
    assert len(warehouse.table("bars")) == 75


def test_session_before_1970_is_one(new: Make):
    old, last = random_walk("^GSPC", 60, first=date(1927, 12, 30)), date(1928, 3, 1)
    warehouse = new()
    warehouse.deliver([(key_of("^GSPC", after_close(LAST)), as_bytes(chart_of(old, last)))])
    assert [row["session_date"] for row in warehouse.rows("from silver.bars order by session_date")] == [
        day for day in old.days if day <= last
    ]


def test_docs_have_a_row_for_each_bad_input():
    text = (PROJECT_DIR / "docs" / "market.md").read_text(encoding="utf-8")
    table = text.split("| bad input | what becomes of it |\n|---|---|\n")[1].split("\n\n")[0]
    rows = [re.split(r" *\| *", line)[1] for line in table.splitlines()]
    assert rows == list(dict.fromkeys(case.row for case in CASES))


def test_literals_that_json_does_not_have_are_in_the_bytes():
    """What `json.dumps` writes by default, and Yahoo's copies on the net have."""
    case = next(case for case in CASES if case.row.startswith("`NaN`"))
    _, content = case.response(0)
    assert b"NaN" in content
    with pytest.raises(ValueError, match="NaN"):
        json.loads(content, parse_constant=_refuse)


def _refuse(literal: str) -> None:
    raise ValueError(literal)
