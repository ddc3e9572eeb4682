"""Features and percentiles lead down to the numbers in the bytes, and these alone give the values again."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import percentileofscore
from tests.market import plain_loops
from tests.market.small_warehouse import written

from tribolake.market.computing import MOMENTS
from tribolake.market.features import FEATURES
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, key_of, random_walk
from tribolake.market.traced_values import ValueLineage
from tribolake.market.value_lineage import lineage_of_value
from tribolake.run.pipeline import run
from tribolake.settings import Settings

pytestmark = pytest.mark.slow

SPLIT, PAID, PAID_BEFORE = date(2024, 2, 29), date(2024, 1, 18), date(2023, 12, 14)
FIRST, SECOND = date(2024, 2, 16), date(2024, 3, 1)
NVDA = random_walk("NVDA", 320, splits={SPLIT: 4.0}, dividends={PAID: 0.5, PAID_BEFORE: 0.4})
INDEX = random_walk("^GSPC", 320, seed=2)
SESSION = date(2024, 2, 28)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The second response names the split, and reaches back two weeks: the first one has the dividends."""
    settings = written(tmp_path_factory.mktemp("lake"))
    responses = {
        key_of("NVDA", after_close(FIRST)): chart_of(NVDA, FIRST),
        key_of("NVDA", after_close(SECOND)): chart_of(NVDA, SECOND, SECOND - timedelta(days=14)),
        key_of("^GSPC", after_close(SECOND)): chart_of(INDEX, SECOND),
    }
    for key, chart in responses.items():
        (settings.lake / key).parent.mkdir(parents=True, exist_ok=True)
        (settings.lake / key).write_bytes(as_bytes(chart))
    run(MARKET, settings)
    return settings


def at(settings: Settings, key: str, pointer: str | None) -> Any:
    """Resolve a JSON pointer in a few lines that know nothing of the product."""
    found = json.loads((settings.lake / key).read_bytes())
    for part in str(pointer).split("/")[1:]:
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


def read_closes(settings: Settings, found: ValueLineage, ticker: str) -> list[float]:
    """Compute closes that are adjusted for all, from the numbers at the pointers only."""
    splits = {one.ex_date: (one.key, at(settings, one.key, one.pointer)) for one in found.splits}

    def undone(number: float, day: date, key: str) -> float:
        for ex_date, (named_by, split) in splits.items():
            if ex_date > day and named_by != key and f"/{ticker}/" in named_by:
                number /= split["numerator"] / split["denominator"]
        return number

    closes = []
    for one in (each for each in found.inputs if f"/{ticker}/" in each.key):
        close = undone(at(settings, one.key, one.pointer), one.session_date, one.key)
        for paid in (each for each in found.dividends if f"/{ticker}/" in each.key and each.ex_date > one.session_date):
            before = paid.close_before
            amount = undone(at(settings, paid.key, paid.pointer), paid.ex_date, paid.key)
            assert before.session_date < paid.ex_date
            close *= 1 - amount / undone(at(settings, before.key, before.pointer), before.session_date, before.key)
        assert close == pytest.approx(one.used, rel=1e-12) and one.is_same
        closes.append(close)
    return closes


def changes(closes: list[float]) -> list[float]:
    return [after / before - 1 for before, after in pairwise(closes)]


def volatility(closes: list[float], _: list[float]) -> float:
    return statistics.stdev(changes(closes)) * math.sqrt(252)


def sharpe(closes: list[float], _: list[float]) -> float:
    return statistics.mean(changes(closes)) / statistics.stdev(changes(closes)) * math.sqrt(252)


def total(closes: list[float], _: list[float]) -> float:
    return closes[-1] / closes[0] - 1


def drawdown(closes: list[float], _: list[float]) -> float:
    return min(close / max(closes[: n + 1]) - 1 for n, close in enumerate(closes))


AGAIN: Mapping[str, tuple[int, Callable[[list[float], list[float]], float]]] = {
    "return_1": (2, total),
    "return_5": (2, total),
    "return_21": (2, total),
    "return_ytd": (2, total),
    "volatility_30": (31, volatility),
    "volatility_90": (91, volatility),
    "sharpe_30": (31, sharpe),
    "sharpe_90": (91, sharpe),
    "drawdown_30": (30, drawdown),
    "drawdown_90": (90, drawdown),
    "beta_90": (91, lambda own, market: np.cov(changes(own), changes(market))[0, 1] / np.var(changes(market), ddof=1)),
    "correlation_90": (91, lambda own, market: np.corrcoef(changes(own), changes(market))[0, 1]),
    "relative_strength_90": (2, lambda own, market: total(own, []) - total(market, [])),
}


@pytest.mark.parametrize("name", FEATURES)
def test_numbers_at_the_pointers_give_the_feature(published: Settings, name: str):
    found = lineage_of_value(published, "nvda", SESSION, name)
    sessions, again = AGAIN[name]
    own, market = (read_closes(published, found, ticker) for ticker in ("NVDA", "_5EGSPC"))
    assert len(own) == sessions == found.sessions and len(market) in (0, sessions)
    assert not found.problems and found.recomputed == found.value
    assert again(own, market) == pytest.approx(found.value, rel=1e-9)
    assert bool(market) == ("^GSPC" in str(found.symbol) or "_5EGSPC" in found.formula.text)
    is_adjusted = any(one.used != one.served for one in found.inputs)
    assert {one.ex_date for one in found.splits} == ({SPLIT} if is_adjusted else set())
    assert is_adjusted == (name not in ("return_1", "return_5"))  # the last response has them all
    assert {one.ex_date for one in found.dividends} == {day for day in (PAID, PAID_BEFORE) if day > found.first_session}


def test_undefined_feature_says_why(published: Settings):
    early = NVDA.days[3]
    found = lineage_of_value(published, "NVDA", early, "beta_90")
    assert found.value is None and found.undefined == "4 of 91 sessions" and not found.problems
    index = lineage_of_value(published, "^GSPC", SESSION, "beta_90")
    assert index.undefined == "no benchmark" and {one.key.split("/")[2] for one in index.inputs} == {"_5EGSPC"}


MOMENT: Mapping[str, Callable[[list[float]], float]] = {
    "percentile": lambda values: float(percentileofscore(values, values[-1], kind="rank")),
    "mean": statistics.fmean,
    "std": statistics.pstdev,
    "minimum": min,
    "maximum": max,
    "frequency_below": lambda values: sum(value < 30 for value in values) / len(values),
    "frequency_above": lambda values: sum(value > 70 for value in values) / len(values),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_numbers_at_the_pointers_give_the_percentile(published: Settings, moment: str):
    found = lineage_of_value(published, "NVDA", SESSION, f"rsi_14_{moment}")
    values = plain_loops.rsi_wilder([float(one.used or 0) for one in found.inputs])[-252:]
    assert not found.problems and found.recomputed == found.value and "in the last 252 sessions" in found.formula.text
    assert all(at(published, one.key, one.pointer) == one.served for one in found.inputs[::50])
    assert MOMENT[moment](values) == pytest.approx(found.value, rel=1e-9)


def test_percentile_reads_the_window_of_its_window(published: Settings):
    found = lineage_of_value(published, "NVDA", SESSION, "rsi_14_mean", "reference")
    assert found.sessions == 15 + 251 and found.computation_version == "reference" and not found.problems


def test_dividend_whose_bytes_differ_is_found(published: Settings, tmp_path: Path):
    settings = written(shutil.copytree(published.lake, tmp_path / "lake", symlinks=True))
    path = settings.lake / key_of("NVDA", after_close(FIRST))
    path.write_bytes(path.read_bytes().replace(b'"amount":0.5', b'"amount":0.6'))
    found = lineage_of_value(settings, "NVDA", SESSION, "volatility_90")
    assert "has other bytes" in found.problems[0] and found.recomputed is None
    json.dumps(found.as_dict(), default=str)


def test_benchmark_that_is_gone_is_named_where_it_is_read(published: Settings, tmp_path: Path):
    settings = written(shutil.copytree(published.lake, tmp_path / "lake", symlinks=True))
    key = key_of("^GSPC", after_close(SECOND))
    (settings.lake / key).unlink()
    assert lineage_of_value(settings, "NVDA", SESSION, "beta_90").problems[0] == f"{key} is gone"
    assert not lineage_of_value(settings, "NVDA", SESSION, "sharpe_30").problems
