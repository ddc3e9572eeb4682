"""Indicators equal their definitions, on real and on made-up prices, and a longer history changes no bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as cases
from hypothesis import strategies as st
from tests.market import plain_loops as plain
from tests.market.real_bars import index
from tests.market.small_warehouse import REFERENCE, TEXTBOOK

from tribolake.market import features, indicators
from tribolake.market.features import FEATURES, compute_features, first_read
from tribolake.market.indicators import FLAT, INDICATORS, NO_VOLUME, Bars, compute_indicators
from tribolake.market.percentiles import Threshold, compute_percentiles
from tribolake.market.reasons import Reasons
from tribolake.market.sample import random_walk
from tribolake.market.windows import Values

SESSIONS = 700


def walk(sessions: int = SESSIONS, seed: int = 1) -> Bars:
    made = random_walk("NVDA", sessions, seed)
    return Bars(*(np.array(getattr(made, name)) for name in ("open", "high", "low", "close", "volume")))


def explained(result: Mapping[str, Values], why: Callable[[str, int], str], settled: int) -> dict[int, dict[str, str]]:
    """Return the reasons of missing values, by position of the session."""
    return {at: json.loads(text) for at, text in enumerate(Reasons(why, settled).of(result).to_pylist()) if text}


def first(bars: Bars, sessions: int) -> Bars:
    return Bars(*(getattr(bars, name)[:sessions] for name in ("open", "high", "low", "close", "volume")))


@pytest.fixture(scope="module", params=["sp500", "nasdaq", "made-up"])
def bars(request: pytest.FixtureRequest) -> Bars:
    return walk() if request.param == "made-up" else first(index(request.param), 5031)


def definitions(bars: Bars, is_textbook: bool) -> dict[str, list[float]]:
    high, low, close, volume = (getattr(bars, name).tolist() for name in ("high", "low", "close", "volume"))
    ranges = plain.true_ranges(high, low, close)
    middle, width = plain.sma(close, 20), plain.deviation(close, 20, 0 if is_textbook else 1)
    if is_textbook:
        line, signal = plain.macd(close)
        rsi, atr = plain.rsi_wilder(close), plain.wilder(ranges, 14)
        vwap = plain.vwap(high, low, close, volume, 20, 20)
    else:
        fast, slow = from_first(close, 12), from_first(close, 26)
        line = [one - other for one, other in zip(fast, slow, strict=True)]
        signal = from_first(line, 9)
        moved = plain.changes(close)
        rsi = plain.strength(plain.sma([max(m, 0) for m in moved], 14), plain.sma([max(-m, 0) for m in moved], 14))
        atr, vwap = plain.sma(ranges, 14), plain.vwap(high, low, close, volume, 400, 1)
    usual = plain.sma(volume, 20)
    return {
        **{f"sma_{n}": plain.sma(close, n) for n in (20, 50, 200)},
        "rsi_14": rsi,
        "macd": line,
        "macd_signal": signal,
        "macd_hist": [one - other for one, other in zip(line, signal, strict=True)],
        "bb_upper": [m + 2 * w for m, w in zip(middle, width, strict=True)],
        "bb_middle": middle,
        "bb_lower": [m - 2 * w for m, w in zip(middle, width, strict=True)],
        "atr_14": atr,
        "atr_percent": [100 * a / c for a, c in zip(atr, close, strict=True)],
        "vwap": vwap,
        "volume_sma_20": usual,
        "volume_ratio": [v / u for v, u in zip(volume, usual, strict=True)],
        "price_vwap_pct": [100 * (c - v) / v for c, v in zip(close, vwap, strict=True)],
    }


def from_first(values: list[float], n: int) -> list[float]:
    result = [values[0]]
    for value in values[1:]:
        result.append(value * 2 / (n + 1) + result[-1] * (1 - 2 / (n + 1)))
    return result


@pytest.mark.parametrize("computation", [TEXTBOOK, REFERENCE], ids=lambda one: one.computation_version)
def test_indicators_equal_their_definitions(bars: Bars, computation):
    """Prices within 1e-9 of the close, RSI within 1e-9. A relative error means nothing where MACD crosses zero."""
    found = compute_indicators(bars, computation)
    expected = definitions(bars, computation is TEXTBOOK)
    for name, values in expected.items():
        assert np.array_equal(np.isnan(found[name]), np.isnan(values)), name
        scale = bars.volume if name == "volume_sma_20" else np.maximum(bars.close, 1)
        worst = np.nanmax(np.abs(found[name] - values) / (1 if name == "rsi_14" else scale))
        assert worst <= 1e-9, (name, worst)


def test_textbook_and_reference_disagree_on_signals():
    """On real days the two versions disagree on overbought and oversold on about one day in six."""
    bars = index("sp500")
    one, other = (compute_indicators(bars, version)["rsi_14"] for version in (TEXTBOOK, REFERENCE))
    signals = [np.sign(np.clip(rsi - 70, 0, None)) - np.sign(np.clip(30 - rsi, 0, None)) for rsi in (one, other)]
    assert 0.1 < np.mean((signals[0] != signals[1])[20:]) < 0.25


@cases(max_examples=15)
@given(st.integers(1, SESSIONS), st.sampled_from([TEXTBOOK, REFERENCE]))
def test_longer_history_changes_no_bit(sessions: int, computation):
    whole, part = walk(), first(walk(), sessions)
    found, expected = compute_indicators(part, computation), compute_indicators(whole, computation)
    for name in INDICATORS:
        assert found[name].tobytes() == expected[name][:sessions].tobytes(), name
    days = np.arange("2023-01-02", SESSIONS, dtype="datetime64[D]")
    features = compute_features(days[:sessions], part.close, whole.high[:sessions])
    for name, values in compute_features(days, whole.close, whole.high).items():
        assert features[name].tobytes() == values[:sessions].tobytes(), name
    limits = Threshold("rsi_14", 30, 70)
    moments = compute_percentiles(found["rsi_14"], limits)
    for name, values in compute_percentiles(expected["rsi_14"], limits).items():
        assert moments[name].tobytes() == values[:sessions].tobytes(), name


@given(st.integers(0, SESSIONS))
@cases(max_examples=40, deadline=None)
def test_features_need_no_session_before_the_first_that_they_read(session: int):
    whole, days = walk(), np.arange("2023-01-02", SESSIONS, dtype="datetime64[D]")
    first = first_read(days, session)
    found = compute_features(days[first:], whole.close[first:], whole.high[first:])
    for name, values in compute_features(days, whole.close, whole.high).items():
        assert found[name][session - first :].tobytes() == values[session:].tobytes(), name


def reasons(bars: Bars, computation=TEXTBOOK) -> dict[int, dict[str, str]]:
    return explained(
        compute_indicators(bars, computation),
        partial(indicators.why_undefined, computation=computation),
        max(computation.needed.values()),
    )


def test_undefined_values_say_why():
    found = reasons(walk(250))
    assert found[119]["sma_200"] == "120 of 200 sessions"
    assert found[13]["rsi_14"] == "14 of 15 sessions" and "rsi_14" not in found[14]
    assert max(found) == 198
    assert "rsi_14" not in reasons(walk(250), REFERENCE)[13]


def test_flat_price_has_no_strength():
    """TA-Lib says 0."""
    price = np.full(60, 5.0)
    flat = Bars(price, price, price, price, np.full(60, 10.0))
    for computation in (TEXTBOOK, REFERENCE):
        assert np.isnan(compute_indicators(flat, computation)["rsi_14"]).all()
        assert reasons(flat, computation)[59]["rsi_14"] == FLAT


def test_share_without_volume_has_no_volume_ratio():
    bars = walk(260)
    still = Bars(bars.open, bars.high, bars.low, bars.close, np.zeros(260))
    found = reasons(still)[259]
    assert found == dict.fromkeys(("vwap", "volume_ratio", "price_vwap_pct", "uncertainty_score"), NO_VOLUME)


def test_percentiles_equal_their_definition(bars: Bars):
    values = compute_indicators(first(bars, 500), TEXTBOOK)["rsi_14"]
    found = compute_percentiles(values, Threshold("rsi_14", 30, 70))
    expected: Values = np.array(plain.percentile(values.tolist(), 252))
    expected[: 252 + 13] = np.nan  # the window has to be full
    np.testing.assert_allclose(found["percentile"], expected, rtol=0, atol=1e-9)
    window = values[-252:]
    assert found["frequency_above"][-1] == np.mean(window > 70)
    assert found["frequency_below"][-1] == np.mean(window < 30)
    assert (found["minimum"][-1], found["maximum"][-1]) == (window.min(), window.max())
    assert found["std"][-1] == pytest.approx(window.std(), rel=1e-12)


def test_value_at_a_threshold_is_not_beyond_it():
    values = np.array([69.0, 70.0, 71.0, 30.0, 29.0])
    found = compute_percentiles(values, Threshold("rsi_14", 30, 70), lookback=5)
    assert (found["frequency_below"][-1], found["frequency_above"][-1]) == (0.2, 0.2)


def test_features_equal_their_definitions():
    close, market = walk(200).close, walk(200, seed=2).close
    days = np.arange("2023-08-01", 200, dtype="datetime64[D]")
    found = compute_features(days, close, market)
    daily, of_market = np.diff(close) / close[:-1], np.diff(market) / market[:-1]
    last = {name: found[name][-1] for name in FEATURES}
    beta = np.cov(daily[-90:], of_market[-90:])[0, 1] / np.var(of_market[-90:], ddof=1)
    assert last["return_21"] == close[-1] / close[-22] - 1
    assert last["return_ytd"] == close[-1] / close[np.flatnonzero(days < np.datetime64("2024-01-01"))[-1]] - 1
    assert last["volatility_30"] == pytest.approx(np.std(daily[-30:], ddof=1) * 252**0.5, rel=1e-12)
    assert last["sharpe_90"] == pytest.approx(np.mean(daily[-90:]) / np.std(daily[-90:], ddof=1) * 252**0.5, rel=1e-9)
    assert last["drawdown_90"] == pytest.approx(plain.deepest_fall(close.tolist(), 90)[-1], rel=1e-12)
    assert last["beta_90"] == pytest.approx(beta, rel=1e-9)
    assert last["correlation_90"] == pytest.approx(np.corrcoef(daily[-90:], of_market[-90:])[0, 1], rel=1e-9)
    why = partial(features.why_undefined, benchmark="_5EGSPC")
    said = explained(found, why, max(features.NEEDED.values()))
    assert said[0]["return_ytd"] == "no session in the year before" and said[5]["return_21"] == "6 of 22 sessions"
    assert said == explained(found, why, len(close))
    alone = explained(compute_features(days, close, None), partial(features.why_undefined, benchmark=None), 91)
    assert alone[199] == dict.fromkeys(("beta_90", "correlation_90", "relative_strength_90"), "no benchmark")
