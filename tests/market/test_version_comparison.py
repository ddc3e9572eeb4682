"""Two computation versions on the same responses: what differs, from which day on, and which signals flip."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.market.real_bars import share
from tests.market.small_warehouse import REFERENCE, TEXTBOOK, written

from tribolake.errors import ConfigurationError
from tribolake.market.indicators import INDICATORS, Bars, compute_indicators
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of
from tribolake.market.version_comparison import Difference, compare_versions
from tribolake.settings import Settings

SINCE, DAY, NEXT = date(2003, 6, 2), date(2004, 6, 1), date(2004, 12, 31)
SHARES = {symbol: share(symbol) for symbol in ("AAPL", "IBM", "MSFT")}
Tribolake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = written(tmp_path_factory.mktemp("lake"))
    for one in SHARES.values():
        for day in (DAY, NEXT) if one.symbol == "AAPL" else (DAY,):
            path = settings.lake / key_of(one.symbol, after_close(day))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(as_bytes(chart_of(one, day, SINCE)))
    return settings


def values(symbol: str, until: date = DAY) -> tuple[list[date], dict[str, Any], dict[str, Any]]:
    """Compute both versions straight from the prices, without SQL."""
    one = SHARES[symbol]
    chosen = [n for n, day in enumerate(one.days) if SINCE <= day <= until]
    prices = ([float(np.float32(getattr(one, name)[n])) for n in chosen] for name in ("open", "high", "low", "close"))
    bars = Bars(*(np.array(column) for column in (*prices, [one.volume[n] for n in chosen])))
    days = [one.days[n] for n in chosen]
    return days, compute_indicators(bars, TEXTBOOK), compute_indicators(bars, REFERENCE)


def of(found: list[Difference], indicator: str) -> Difference:
    (one,) = (each for each in found if each.indicator == indicator)
    return one


def test_differences_are_those_of_the_prices(settings: Settings):
    found = compare_versions(settings, "1.0", "reference", symbols=["ibm"])
    days, textbook, reference = values("IBM")
    for name in INDICATORS:
        one, other = textbook[name], reference[name]
        both = ~np.isnan(one) & ~np.isnan(other)
        differs = both & (one != other)
        told = of(list(found.indicators), name)
        assert told.sessions == both.sum() and told.differing == differs.sum()
        assert told.in_one_only == (np.isnan(one) != np.isnan(other)).sum()
        assert told.greatest_difference == np.nanmax(np.abs(one - other))
        assert told.first_day == (days[int(np.argmax(differs))] if differs.any() else None)
        if told.greatest_difference:
            assert told.greatest_day == days[int(np.nanargmax(np.abs(one - other)))]
    assert found.tickers == ["IBM"] and not found.problems
    assert of(list(found.indicators), "sma_20").differing == 0 < of(list(found.indicators), "rsi_14").differing
    vwap = of(list(found.indicators), "vwap")  # of 20 sessions, and of as many as there are
    assert vwap.in_one_only == 19 and vwap.first_day == days[19]


@pytest.mark.parametrize(
    ("name", "lower", "upper"),
    [("rsi_14", 30, 70), ("volume_ratio", 0.5, 2), ("atr_percent", None, 5), ("vwap", None, None)],
)
def test_signal_flips_where_one_version_alone_is_beyond_a_threshold(
    settings: Settings, name: str, lower: float | None, upper: float | None
):
    told = of(list(compare_versions(settings, "1.0", "reference", symbols=["IBM"]).indicators), name)
    days, textbook, reference = values("IBM")
    flips = [
        day
        for day, one, other in zip(days, textbook[name], reference[name], strict=True)
        if not np.isnan([one, other]).any()
        and any(
            limit is not None and (sign * one > sign * limit) != (sign * other > sign * limit)
            for limit, sign in ((lower, -1), (upper, 1))
        )
    ]
    assert (told.flips, told.first_flip) == (len(flips), flips[0] if flips else None)
    assert flips or name != "rsi_14"


def test_tickers_are_summed(settings: Settings):
    found = compare_versions(settings, "1.0", "reference", as_known_on=DAY)
    assert found.tickers == ["AAPL", "IBM", "MSFT"]
    for total in found.indicators:
        ones = [one for one in found.by_ticker if one.indicator == total.indicator]
        assert len(ones) == 3 and total.flips == sum(one.flips for one in ones)
        assert total.greatest_difference == max(one.greatest_difference or 0.0 for one in ones)
        assert total.first_day == min((one.first_day for one in ones if one.first_day), default=None)


def test_only_what_was_known_is_compared(settings: Settings):
    now, then = (
        compare_versions(settings, "1.0", "reference", symbols=["AAPL"], as_known_on=day) for day in (None, DAY)
    )
    days = values("AAPL")[0]
    assert of(list(then.indicators), "volume_sma_20").sessions == len(days) - 19
    assert of(list(now.indicators), "volume_sma_20").sessions > len(days)


def test_version_does_not_differ_from_itself(settings: Settings):
    found = compare_versions(settings, "reference", "reference", symbols=["IBM"])
    assert {(one.differing, one.flips, one.first_day) for one in found.indicators} == {(0, 0, None)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"version": "2.0"}, "1.0 or reference"),
        ({"symbols": ["NVDA"]}, "no response of NVDA was fetched"),
        ({"symbols": ["IBM"], "as_known_on": date(2001, 1, 1)}, "until 2001-01-01"),
        ({"as_known_on": date(2001, 1, 1)}, "nothing was known: no usable response of a ticker was fetched until"),
        ({"as_known_on": date(2999, 1, 1)}, "has not come"),
    ],
)
def test_comparison_of_nothing_is_refused(settings: Settings, asked: dict[str, Any], said: str):
    with pytest.raises(ConfigurationError, match=said):
        compare_versions(settings, **{"version": "1.0", "against": "reference"} | asked)


def test_lake_without_responses_is_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="market fetch"):
        compare_versions(written(tmp_path), "1.0", "reference")


@pytest.mark.slow
def test_command_prints_a_table_and_json(settings: Settings, tribolake: Tribolake):
    words = "market", "reprocess", "--computation-version", "1.0", "--against", "reference"
    lake = "--lake", str(settings.lake)
    said = json.loads(tribolake(*words, *lake, "--json", "--ticker", "IBM").stdout)
    assert len(said["indicators"]) == len(INDICATORS) == len(said["by_ticker"])
    shown = tribolake(*words, *lake, "--as-known-on", str(DAY))
    assert shown.returncode == 0 and "3 tickers, as known on 2004-06-01" in shown.stdout and "rsi_14" in shown.stdout
    assert tribolake("market", "reprocess", *lake).returncode == 2
    before = tribolake(*words, *lake, "--as-known-on", "2001-01-01")
    assert before.returncode == 2 and "nothing was known" in before.stderr and not before.stdout
