"""Quality rules: what holds a ticker back, what is only flagged, and that real splits and a real crash pass."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.market.real_bars import SPLITS, share
from tests.market.small_warehouse import SmallWarehouse, compiled_models, written

from tribolake.market.quality import ALL, TROUBLES
from tribolake.market.sample import Traded, after_close, as_bytes, chart_of, key_of, opening_time, random_walk
from tribolake.settings import PROJECT_DIR

SPLIT, LAST = date(2023, 9, 1), date(2023, 12, 29)
NVDA = random_walk("NVDA", 260, splits={SPLIT: 4.0})
Make = Callable[..., SmallWarehouse]
Chart = dict[str, Any]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Make:
    models = compiled_models(written(tmp_path_factory.mktemp("compiled")))
    return lambda *years: SmallWarehouse(models, written(Path(tempfile.mkdtemp())), {"XNYS": years} if years else {})


def served(day: date = LAST, of: Traded = NVDA, since: date | None = None) -> Chart:
    return chart_of(of, day, since)


def result(chart: Chart) -> Chart:
    found: Chart = chart["chart"]["result"][0]
    return found


def quote(chart: Chart) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = result(chart)["indicators"]["quote"][0]
    return found


def response(chart: Chart, day: date = LAST) -> tuple[str, bytes]:
    return key_of(result(chart)["meta"]["symbol"], after_close(day)), as_bytes(chart)


def found(warehouse: SmallWarehouse, *rules: str) -> list[tuple[str, str, date | None]]:
    """Return rule, severity and session of what the rules found; without `rules` of all but outliers."""
    rows = warehouse.rows("select * from silver.quality_findings order by rule, session_date")
    chosen = (row for row in rows if (row["rule"] in rules if rules else row["rule"] != "outlier"))
    return [(row["rule"], row["severity"], row["session_date"]) for row in chosen]


def held(warehouse: SmallWarehouse) -> list[str]:
    return [row["ticker"] for row in warehouse.rows("select ticker from changes.held_tickers order by 1")]


@pytest.mark.parametrize("symbol", sorted(SPLITS))
def test_real_split_passes(new: Make, symbol: str):
    """AAPL 2000-06-21 and 2005-02-28, MSFT 2003-02-18; the others had none. Each is fetched before and after."""
    real = share(symbol)
    warehouse = new()
    ends = [*sorted(day - timedelta(days=1) for day in real.splits), real.days[-1]]
    warehouse.deliver([response(chart_of(real, day), day) for day in ends])
    assert found(warehouse) == [] and held(warehouse) == []
    assert len(warehouse.table("bars")) == len(real.days)


def test_real_crash_is_an_outlier_and_its_bar_stays(new: Make):
    real, crash = share("AAPL"), date(2000, 9, 29)
    warehouse = new()
    warehouse.deliver([response(chart_of(real, real.days[-1]), real.days[-1])])
    (row,) = warehouse.rows(f"select * from silver.quality_findings where session_date = '{crash}'")
    assert (row["rule"], row["severity"]) == ("outlier", "flag") and row["value"] > 20
    (move,) = warehouse.rows(f"select * from silver.int_price_moves where session_date = '{crash}'")
    assert move["log_return"] == pytest.approx(-0.731, abs=0.001) and move["turnover"] > 3
    (bar,) = warehouse.rows(f"select close, split_close, traded_close from silver.bars where session_date = '{crash}'")
    assert bar["traded_close"] == pytest.approx(25.75) and held(warehouse) == []


@pytest.mark.parametrize(("symbol", "split"), [("AAPL", date(2005, 2, 28)), ("MSFT", date(2003, 2, 18))])
def test_real_split_that_no_response_names_is_held_back(new: Make, symbol: str, split: date):
    real = share(symbol)
    prices = (real.open, real.high, real.low, real.close, real.volume)
    other = {day: ratio for day, ratio in real.splits.items() if day != split}
    unnamed = Traded(symbol, real.days, *prices, splits=other)
    warehouse = new()
    warehouse.deliver([response(chart_of(unnamed, real.days[-1]), real.days[-1])])
    assert found(warehouse) == [("moved_like_split", "hold back", split)]
    assert held(warehouse) == [symbol] and not len(warehouse.table("bars"))


@pytest.mark.parametrize("times", [4.0, 0.25])
def test_named_split_that_prices_do_not_show_is_held_back(new: Make, times: float):
    """Yahoo named it and did not divide the prices before; or there was none, and it divided."""
    chart = served()
    for values in (quote(chart)[name] for name in ("open", "high", "low", "close")):
        values[: NVDA.days.index(SPLIT)] = [value * times for value in values[: NVDA.days.index(SPLIT)]]
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert found(warehouse) == [("split_unmoved", "hold back", SPLIT)] and held(warehouse) == ["NVDA"]


def test_small_split_within_the_noise_passes(new: Make):
    """Stock dividends of 3 %, on days that moved by about as much."""
    moves = {day: abs(now / before - 1) for day, (before, now) in zip(NVDA.days[1:], pairwise(NVDA.close), strict=True)}
    for day in sorted(moves, key=lambda day: abs(moves[day] - 0.03))[:3]:
        warehouse = new()
        warehouse.deliver([response(served(of=random_walk("NVDA", 260, splits={day: 1.03})))])
        assert found(warehouse) == [], day


def test_price_that_a_split_makes_infinite_is_held_back(new: Make):
    chart = served()
    split = {"date": result(chart)["timestamp"][-1], "numerator": 1e308, "denominator": 1e-3}
    result(chart)["events"]["splits"] = {"1": split | {"denominator": 1.0}}
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert {(rule, severity) for rule, severity, _ in found(warehouse, "broken_price")} == {
        ("broken_price", "hold back")
    }
    assert held(warehouse) == ["NVDA"]


@pytest.mark.parametrize("price", [5e-324, 1e-200, 1e200, 1.7e308])
def test_price_that_sums_and_ratios_do_not_survive_is_held_back(new: Make, price: float):
    chart = served()
    for name in ("open", "high", "low", "close"):
        quote(chart)[name][9] = price
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert ("broken_price", "hold back", NVDA.days[9]) in found(warehouse) and held(warehouse) == ["NVDA"]


@pytest.mark.parametrize(
    ("share", "severity"), [(0.2, None), (0.4, "flag"), (0.999, "hold back"), (80.0, "hold back"), (1e300, "hold back")]
)
def test_large_dividend_is_flagged_or_held_back(new: Make, share: float, severity: str | None):
    """Yahoo serves some a hundred times too large. One above the price would leave nothing of it."""
    chart, day = served(), NVDA.days[200]
    at = opening_time(day, NVDA.zone)
    amount = quote(chart)["close"][199] * share
    result(chart)["events"]["dividends"] = {str(at): {"date": at, "amount": amount}}
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert found(warehouse) == ([("dividend_large", severity, NVDA.days[199])] if severity else [])
    assert held(warehouse) == (["NVDA"] if severity == "hold back" else [])


def test_many_dividends_that_leave_nothing_hold_their_ticker_back(new: Make):
    """Each is below the price. Together they leave zero, which no data test may see: it would hold back all tickers."""
    chart = served()
    times, closes = result(chart)["timestamp"], quote(chart)["close"]
    dividends = {str(at): {"date": at, "amount": close * 0.98} for at, close in zip(times[1:], closes, strict=False)}
    result(chart)["events"]["dividends"] = dividends
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert "broken_price" in {rule for rule, _, _ in found(warehouse)} and held(warehouse) == ["NVDA"]


def test_zero_volume_is_flagged_where_there_usually_is_some(new: Make):
    chart, silent = served(), served(of=random_walk("^GSPC", 260))
    quote(chart)["volume"][50] = 0
    quote(silent)["volume"] = [0] * len(quote(silent)["volume"])
    warehouse = new()
    warehouse.deliver([response(chart), response(silent)])
    assert found(warehouse) == [("volume_zero", "flag", NVDA.days[50])] and held(warehouse) == []


def test_stale_ticker_is_flagged_by_the_sessions_of_its_exchange(new: Make):
    """Of the days after 2022-12-20, New York does not hold the 26th."""
    old = random_walk("NVDA", 200, first=date(2022, 3, 16))
    assert old.days[-1] == date(2022, 12, 20)
    warehouse = new(2022)
    for day, expected in ((date(2022, 12, 29), []), (date(2022, 12, 30), [("stale", "flag", None)])):
        warehouse.deliver([response(served(day, old), day)])
        assert found(warehouse) == expected, day


@pytest.mark.parametrize(("kept", "severity"), [(1.0, None), (0.9, "flag"), (0.4, "hold back")])
def test_incomplete_ticker_is_flagged_or_held_back(new: Make, kept: float, severity: str | None):
    chart = served()
    times, values = (
        result(chart)["timestamp"],
        [*quote(chart).values(), result(chart)["indicators"]["adjclose"][0]["adjclose"]],
    )
    removed = range(10, 10 + round((1 - kept) * 240))
    for column in (times, *values):
        column[:] = [value for position, value in enumerate(column) if position not in removed]
    warehouse = new(2023)
    warehouse.deliver([response(chart)])
    assert found(warehouse, "incomplete") == ([("incomplete", severity, None)] if severity else [])


def in_currency(chart: Chart, currency: str, times: float = 1.0) -> Chart:
    result(chart)["meta"]["currency"] = currency
    for name in ("open", "high", "low", "close"):
        quote(chart)[name] = [value * times for value in quote(chart)[name]]
    return chart


def test_currency_that_changes_within_the_history_is_held_back(new: Make):
    pence, pounds, whole = date(2023, 12, 1), date(2023, 12, 15), LAST
    since = date(2023, 12, 4)
    warehouse = new()
    warehouse.deliver([response(in_currency(served(pence), "GBp"), pence)])
    bars = warehouse.table("bars")
    warehouse.deliver([response(in_currency(served(pounds, since=since), "GBP", 0.01), pounds)])
    assert ("currency_mixed", "hold back", since) in found(warehouse)
    assert held(warehouse) == ["NVDA"] and warehouse.table("bars").equals(bars)
    warehouse.deliver([response(in_currency(served(whole), "GBP", 0.01), whole)])
    assert held(warehouse) == [] and set(warehouse.table("bars")["currency"].to_pylist()) == {"GBP"}


@pytest.mark.parametrize(("currency", "is_used"), [("USD", True), (None, True), ("GBp", False)])
def test_dividend_in_another_currency_is_told_and_not_used(new: Make, currency: str | None, is_used: bool):
    chart, paid = served(LAST), NVDA.days[20]
    at = opening_time(paid, NVDA.zone)
    result(chart)["events"]["dividends"] = {str(at): {"date": at, "amount": 5.0, "currency": currency}}
    warehouse = new()
    warehouse.deliver([response(chart, LAST)])
    assert found(warehouse, "dividend_currency") == ([] if is_used else [("dividend_currency", "flag", None)])
    adjusted = warehouse.rows("select 1 from silver.bars where adjusted_close < split_close")
    assert len(adjusted) == (20 if is_used else 0)


@pytest.mark.parametrize(("exchange", "is_known"), [("KOE", True), ("PNK", True), ("DOH", False), (None, True)])
def test_exchange_without_sessions_is_told(new: Make, exchange: str | None, is_known: bool):
    """Gaps and age of its tickers are not judged. A table names no exchange, which its documentation says."""
    chart = served()
    result(chart)["meta"]["exchangeName"] = exchange
    warehouse = new()
    warehouse.deliver([response(chart)])
    assert found(warehouse) == ([] if is_known else [("exchange_unknown", "flag", None)]) and held(warehouse) == []
    assert ["exchange_unknown" in str(row) for row in warehouse.rows(TROUBLES)] == ([] if is_known else [True])


@pytest.mark.parametrize(
    ("currencies", "is_held"),
    [
        (("GBp", "GBP"), True),
        (("GBp", "GBP", "GBP"), False),  # confirmed
        (("GBp", "GBP", "GBp"), False),  # withdrawn
        (("GBp", "GBP", "USD"), True),
        (("GBp",), False),
    ],
)
def test_changed_currency_waits_for_a_second_response(new: Make, currencies: tuple[str, ...], is_held: bool):
    warehouse = new()
    for number, currency in enumerate(currencies):
        day = date(2023, 12, 1) + timedelta(days=7 * number)
        warehouse.deliver([response(in_currency(served(day), currency), day)])
    assert bool(found(warehouse, "currency_changed")) is is_held
    assert held(warehouse) == (["NVDA"] if is_held else [])


def test_held_ticker_keeps_its_bars_and_others_go_on(new: Make):
    first, second = date(2023, 12, 28), LAST
    other = random_walk("AMD", 260, seed=5)
    warehouse = new()
    warehouse.deliver([response(served(first), first), response(served(first, other), first)])
    before = warehouse.rows("select * from silver.bars where ticker = 'NVDA' order by session_date")
    bad = served(second)
    quote(bad)["close"][-1] /= 2
    quote(bad)["low"][-1] /= 2
    warehouse.deliver([response(bad, second), response(served(second, other), second)])
    assert held(warehouse) == ["NVDA"]
    assert warehouse.rows("select * from silver.bars where ticker = 'NVDA' order by session_date") == before
    assert warehouse.rows("select max(session_date) as last from silver.bars where ticker = 'AMD'") == [
        {"last": second}
    ]


def test_accepted_finding_holds_nothing_back(new: Make):
    bad = served()
    quote(bad)["close"][-1] /= 2
    quote(bad)["low"][-1] /= 2
    warehouse = new()
    warehouse.connection.execute(
        f"insert into seeds.quality_accepted values ('NVDA', 'moved_like_split', '{NVDA.days[259]}', 'looked at')"
    )
    day = NVDA.days[259]
    warehouse.deliver([response(bad, day)])
    assert found(warehouse) == [("moved_like_split", "accepted", day)] and held(warehouse) == []
    assert len(warehouse.table("bars")) == 260


@pytest.mark.parametrize(("days", "told"), [(7, []), (14, ["NVDA"])])
def test_ticker_that_is_no_longer_fetched_is_told(new: Make, days: int, told: list[str]):
    """It is not touched: the fetch of another ticker shows that it was left out."""
    warehouse, other = new(2023, 2024), random_walk("AMD", 300, seed=2)
    later = LAST + timedelta(days=days)
    warehouse.deliver([response(served())])
    warehouse.deliver([response(served(later, other), later)])
    rows = [row for row in warehouse.rows(ALL) if row["rule"] == "not_fetched"]
    assert [row["ticker"] for row in rows] == told
    troubles = [row for row in warehouse.rows(TROUBLES) if "not_fetched" in str(row)]
    assert len(troubles) == len(told)
    if told:  # 8 sessions from 2 to 11 January, without the holiday and the day of the last fetch
        assert rows[0]["value"] == 8 and rows[0]["words"].startswith(
            "not_fetched is 8 since the last fetch on 2023-12-29"
        )
        warehouse.deliver([response(served(later), later)])
        assert [row for row in warehouse.rows(ALL) if row["rule"] == "not_fetched"] == []


def test_outliers_are_flagged_by_every_row_of_the_seed():
    lines = (PROJECT_DIR / "seeds" / "market" / "quality_rules.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[2] for line in lines if line.startswith("outlier,")] == ["flag"]


def test_docs_have_the_rules_and_parameters_of_the_seed():
    with (PROJECT_DIR / "seeds" / "market" / "quality_rules.csv").open(encoding="utf-8", newline="") as seed:
        rows = list(csv.DictReader(seed))
    stated = {row["rule"]: {"hold back": "", "flag": ""} for row in rows}
    for row in rows:
        stated[row["rule"]][row["severity"]] = row["parameter"]
    text = (PROJECT_DIR / "docs" / "market.md").read_text(encoding="utf-8").replace("\\|", "")
    table = text.split("| rule | measure | holds back above | is flagged above |\n|---|---|---|---|\n")[1].split(
        "\n\n"
    )[0]
    cells = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert {rule: {"hold back": held, "flag": flagged} for rule, _, held, flagged in cells} == stated
