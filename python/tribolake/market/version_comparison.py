"""Compare two computation versions of indicators, both computed again from the raw objects of each ticker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.lake.replicas import open_objects
from tribolake.market.derived import derived
from tribolake.market.indicators import INDICATORS
from tribolake.market.keys import IMPORT, YFINANCE, place
from tribolake.market.raw_objects import fetched, known_objects
from tribolake.market.symbols import symbol_of, symbol_of_ticker, ticker_of
from tribolake.product import Progress
from tribolake.run.warehouse import rows_of
from tribolake.settings import Settings

NAMES = ", ".join(INDICATORS)
# A signal is where a value stands to the thresholds of its indicator. It flips where the versions disagree on it.
COMPARED = f"""
    with

    one as (
        from (select * from gold.indicators where computation_version = $version)
        unpivot include nulls (value for indicator in ({NAMES}))
    ),

    other as (
        from (select * from gold.indicators where computation_version = $against)
        unpivot include nulls (value for indicator in ({NAMES}))
    ),

    paired as (
        select
            indicator,
            session_date,
            one.value is not null and other.value is not null as is_in_both,
            (one.value is null) <> (other.value is null) as is_in_one_only,
            one.value <> other.value as differs,
            abs(one.value - other.value) as difference,
            coalesce(one.value < thresholds.lower, false) <> coalesce(other.value < thresholds.lower, false)
            or coalesce(one.value > thresholds.upper, false) <> coalesce(other.value > thresholds.upper, false) as flips
        from one
        inner join other using (indicator, session_date)
        left join seeds.thresholds as thresholds using (indicator)
    )

    select
        indicator,
        count(*) filter (where is_in_both) as sessions,
        count(*) filter (where is_in_one_only) as in_one_only,
        count(*) filter (where differs) as differing,
        min(session_date) filter (where differs) as first_day,
        max(difference) as greatest_difference,
        arg_max(session_date, difference) filter (where difference > 0) as greatest_day,
        count(*) filter (where flips and is_in_both) as flips,
        min(session_date) filter (where flips and is_in_both) as first_flip
    from paired
    group by indicator
"""


@dataclass(frozen=True)
class Difference:
    """How the values of an indicator differ between two versions. `ticker` is None in the sum over tickers.

    `sessions` have a value in both, and `differing` are those of them whose values differ. A difference is that of the
    values as they are, in the unit of the indicator.
    """

    indicator: str
    ticker: str | None
    sessions: int
    in_one_only: int
    differing: int
    first_day: date | None
    greatest_difference: float | None
    greatest_day: date | None
    greatest_ticker: str | None
    flips: int
    first_flip: date | None


@dataclass(frozen=True)
class VersionComparison:
    """Two computation versions, compared by indicator, and by indicator and ticker."""

    computation_version: str
    against: str
    as_known_on: date | None
    tickers: Sequence[str]
    indicators: Sequence[Difference]
    by_ticker: Sequence[Difference]
    problems: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare_versions(
    settings: Settings,
    version: str,
    against: str,
    *,
    symbols: Sequence[str] = (),
    as_known_on: date | None = None,
    progress: Progress = lambda _: None,
) -> VersionComparison:
    """Compute two versions of all indicators in memory, and compare them. The lake is only read.

    Args:
        settings: of the product.
        version: a computation version.
        against: another one.
        symbols: Yahoo's symbols; empty is all that have raw objects.
        as_known_on: only what was fetched until the end of this day (UTC); None is all of it.
        progress: told the ticker that is computed.

    Returns:
        The comparison. Tickers whose raw objects are gone or differ are problems, and the others are compared.

    Raises:
        ConfigurationError: a version or a ticker is unknown, the day has not come, or nothing was known then.
        RunFailed: the models cannot be compiled.
    """
    if as_known_on and as_known_on > datetime.now(UTC).date():
        raise ConfigurationError(f"{as_known_on} has not come (UTC): give a day until today")
    tickers = [ticker_of(symbol_of(symbol)) for symbol in dict.fromkeys(symbols)] or _staged_tickers(settings)
    until = f" until {as_known_on}" if as_known_on else ""
    found: list[Difference] = []
    problems: list[str] = []
    for ticker, raw in zip(tickers, known_objects(settings, tickers, as_known_on), strict=True):
        if not raw and symbols:
            raise ConfigurationError(f"no response of {symbol_of_ticker(ticker)} was fetched{until}")
        if not raw:
            continue
        progress(f"compute {ticker}")
        with fetched(settings, raw) as responses:
            if responses.problems:
                problems.append(f"{ticker} is not compared: {responses.problems[0]}")
                continue
            with derived(responses, ["indicators"]) as connection:
                known = [row[0] for row in connection.execute("from seeds.computations order by 1").fetchall()]
                _require_known((version, against), known)
                rows = rows_of(connection, COMPARED, {"version": version, "against": against})
        found += [Difference(ticker=ticker, greatest_ticker=ticker, **row) for row in rows]
    if not found and not problems:
        raise ConfigurationError(f"nothing was known: no usable response of a ticker was fetched{until}")
    found.sort(key=lambda one: (INDICATORS.index(one.indicator), str(one.ticker)))
    compared = sorted({str(one.ticker) for one in found})
    return VersionComparison(version, against, as_known_on, compared, list(_summed(found)), found, problems)


def _require_known(versions: Sequence[str], known: Sequence[str]) -> None:
    for version in versions:
        if version not in known:
            raise ConfigurationError(f"{version!a} is not a computation version: choose {' or '.join(known)}")


def _staged_tickers(settings: Settings) -> list[str]:
    objects = open_objects(settings)
    names = {name for source in (YFINANCE, IMPORT) for name in objects.folders(place(settings, f"raw/{source}"))}
    tickers = sorted(name for name in names if symbol_of_ticker(name))
    if not tickers:
        raise ConfigurationError(f"{settings.address} has no responses: `tribolake market fetch` stages some")
    return tickers


def _summed(found: Sequence[Difference]) -> Iterator[Difference]:
    """Sum differences over tickers."""
    for indicator in INDICATORS:
        ones = [one for one in found if one.indicator == indicator]
        if not ones:
            continue
        worst = max(ones, key=lambda one: -1.0 if one.greatest_difference is None else one.greatest_difference)
        yield Difference(
            indicator,
            None,
            sum(one.sessions for one in ones),
            sum(one.in_one_only for one in ones),
            sum(one.differing for one in ones),
            min((one.first_day for one in ones if one.first_day), default=None),
            worst.greatest_difference,
            worst.greatest_day,
            worst.ticker,
            sum(one.flips for one in ones),
            min((one.first_flip for one in ones if one.first_flip), default=None),
        )
