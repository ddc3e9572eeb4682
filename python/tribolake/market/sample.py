"""Made-up shares, and Yahoo's chart JSON of them as it would have been served on a day."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.staging import stage
from tribolake.market.symbols import ticker_of
from tribolake.settings import Settings

NEW_YORK = "America/New_York"
PRICES = ("open", "high", "low", "close")
SAMPLED_UNTIL = date(2025, 1, 15)  # last session of the sample


@dataclass(frozen=True)
class Traded:
    """Bars of a symbol as they were traded, and what happened to it. Arrays have one value per day."""

    symbol: str
    days: Sequence[date]
    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close: Sequence[float]
    volume: Sequence[float]
    splits: Mapping[date, float] = field(default_factory=dict)
    dividends: Mapping[date, float] = field(default_factory=dict)
    zone: str = NEW_YORK
    exchange: str = "NMS"


def weekdays(sessions: int, first: date) -> list[date]:
    days: list[date] = []
    day = first
    while len(days) < sessions:
        if day.weekday() < 5:
            days.append(day)
        day += timedelta(days=1)
    return days


def random_walk(symbol: str, sessions: int, seed: int = 1, first: date = date(2023, 1, 2), **happened: Any) -> Traded:
    """Return bars of a made-up share on weekdays."""
    days, random = weekdays(sessions, first), np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.standard_t(4, sessions) * 0.01))
    opening = close * np.exp(random.normal(0, 0.004, sessions))
    high = np.maximum(opening, close) * (1 + np.abs(random.normal(0, 0.004, sessions)))
    low = np.minimum(opening, close) * (1 - np.abs(random.normal(0, 0.004, sessions)))
    volume = random.integers(10**5, 10**7, sessions).astype(float)
    for split, ratio in happened.get("splits", {}).items():
        after = np.array([day >= split for day in days])
        for prices in (opening, high, low, close):
            prices[after] /= ratio
        volume[after] *= ratio
    bars = (values.tolist() for values in (opening, high, low, close, volume))
    return Traded(symbol, days, *bars, **happened)


def chart_of(traded: Traded, fetched_on: date, since: date | None = None) -> dict[str, Any]:
    """Return what Yahoo serves after the session of a day: divided by the splits so far, rounded to 32 bits."""
    chosen = [n for n, day in enumerate(traded.days) if day <= fetched_on and (since is None or day >= since)]
    days = [traded.days[n] for n in chosen]
    happened = [(day, ratio) for day, ratio in sorted(traded.splits.items()) if day <= fetched_on]

    def divisor(day: date) -> float:
        return float(np.prod([ratio for split, ratio in happened if split > day]))

    def served(name: str) -> list[float]:
        values = (getattr(traded, name)[n] / divisor(traded.days[n]) for n in chosen)
        return [float(np.float32(value)) for value in values]

    def events(found: Mapping[date, dict[str, Any]]) -> dict[str, Any]:
        times = {day: opening_time(day, traded.zone) for day in found if days and days[0] <= day <= fetched_on}
        return {str(at): {"date": at} | found[day] for day, at in times.items()}

    volumes = [round(traded.volume[n] * divisor(traded.days[n])) for n in chosen]
    start = opening_time(fetched_on, traded.zone)
    splits: dict[date, dict[str, Any]] = {
        day: {"numerator": ratio, "denominator": 1.0} for day, ratio in traded.splits.items()
    }
    dividends: dict[date, dict[str, Any]] = {
        day: {"amount": amount / divisor(day)} for day, amount in traded.dividends.items()
    }
    result = {
        "meta": {
            "currency": "USD",
            "symbol": traded.symbol,
            "exchangeName": traded.exchange,
            "instrumentType": "EQUITY",
            "exchangeTimezoneName": traded.zone,
            "dataGranularity": "1d",
            "currentTradingPeriod": {"regular": {"start": start, "end": start + 23400}},
        },
        "timestamp": [opening_time(day, traded.zone) for day in days],
        "events": {"splits": events(splits), "dividends": events(dividends)},
        "indicators": {
            "quote": [{**{name: served(name) for name in PRICES}, "volume": volumes}],
            "adjclose": [{"adjclose": served("close")}],
        },
    }
    return {"chart": {"result": [result], "error": None}}


def opening_time(day: date, zone: str) -> int:
    """Return the second in which a session opens: half past nine."""
    return int(datetime.combine(day, time(9, 30), ZoneInfo(zone)).timestamp())


def as_bytes(chart: Mapping[str, Any]) -> bytes:
    return json.dumps(chart, separators=(",", ":")).encode()


def after_close(day: date) -> datetime:
    """Return an hour of the evening, UTC, when the session of a day is over in New York."""
    return datetime.combine(day, time(22, 0), UTC)


def write_sample(settings: Settings) -> list[str]:
    """Stage the responses of two shares and an index on two days. One share is split and pays between them.

    Returns the keys of the responses.
    """
    first, second = date(2024, 6, 28), SAMPLED_UNTIL
    samples = (
        random_walk("MINE", 550, splits={date(2024, 9, 3): 10.0}, dividends={date(2024, 8, 14): 1.2}),
        random_walk("TRUCK", 550, seed=2),
        random_walk("^GSPC", 550, seed=3),
    )
    return [
        stage(
            settings, RawKey(IMPORT, ticker_of(sample.symbol), after_close(day)), as_bytes(chart_of(sample, day)), {}
        ).key
        for day in (first, second)
        for sample in samples
    ]


def key_of(symbol: str, fetched_at: datetime, number: int = 1) -> str:
    return str(RawKey(IMPORT, ticker_of(symbol), fetched_at, number))
