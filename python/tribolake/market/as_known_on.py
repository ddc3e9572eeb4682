"""Values as they were known on a day: computed from the responses that were fetched until then (docs/adr/0030)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from tribolake.errors import ConfigurationError, ContractBroken
from tribolake.market.derived import BENCHMARKS, HELD, derived
from tribolake.market.last_bodies import sources_in
from tribolake.market.processed import KINDS
from tribolake.market.product_code import code_of
from tribolake.market.raw_objects import FetchedObjects, RawObject, fetched, known_objects
from tribolake.market.session_values import values_in
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.settings import Settings

LAST = "select max(session_date) from gold.{kind} where ticker = $ticker and computation_version = $version"
DEFAULT = "select computation_version from seeds.computations where is_default"
# Features have one version, whatever the indicators have.
VERSIONS = {
    "indicators": "select computation_version from seeds.computations",
    "percentiles": "select computation_version from seeds.computations",
    "features": "select distinct computation_version from gold.features",
}


def get_as_known_on(
    settings: Settings,
    kind: str,
    symbol: str,
    day: date,
    *,
    session: date | None = None,
    computation_version: str | None = None,
) -> dict[str, Any]:
    """Compute the values of a session from what was known at the end of a day (UTC).

    Known are the responses that were fetched until then, with the splits and dividends that they name. Once the day is
    over, no later response changes the answer.

    Args:
        settings: of the product.
        kind: indicators, percentiles or features.
        symbol: Yahoo's symbol.
        day: the day.
        session: day of the market; None is the last one that was known.
        computation_version: of the formulas; None is the default.

    Returns:
        What the body of a processed object says: `values`, `undefined`, `sources`, `session_date` and others.

    Raises:
        ConfigurationError: the day has not come, or nothing of the session was known then.
        ContractBroken: a raw object that was used is gone, or has other bytes.
        RunFailed: the models cannot be compiled.
    """
    if kind not in KINDS:
        raise ConfigurationError(f"{kind!a} is not one of {', '.join(KINDS)}")
    symbol = symbol_of(symbol)
    if day > datetime.now(UTC).date():
        raise ConfigurationError(f"{day} has not come (UTC): give a day until today")
    known = _known(settings, ticker_of(symbol), day)
    if kind == "features":
        known += [raw for one in _benchmarks_of(settings, known) for raw in _released(settings, one, day)]
    with fetched(settings, known) as responses:
        require_same_bytes(responses)
        with derived(responses, [kind]) as connection:
            return _body_of(connection, kind, symbol, day, session, computation_version, responses)


def require_same_bytes(responses: FetchedObjects) -> None:
    """Check that every raw object was fetched with the bytes that were used.

    Raises:
        ContractBroken: some are gone or differ; the message names the first.
    """
    if responses.problems:
        count = f"{len(responses.problems)} of {len(responses.objects)} raw objects cannot be used"
        raise ContractBroken(f"{count}: {responses.problems[0]}. Restore them under their keys")


def _known(settings: Settings, ticker: str, day: date) -> list[RawObject]:
    (found,) = known_objects(settings, [ticker], day)
    return found


def _benchmarks_of(settings: Settings, known: Sequence[RawObject]) -> list[str]:
    """Return the benchmark of a ticker, if it has one. Its exchange stands in the responses."""
    with fetched(settings, known) as responses:
        require_same_bytes(responses)
        with derived(responses, [BENCHMARKS]) as connection:
            found = connection.execute("select benchmark from silver.ticker_benchmarks").fetchall()
    return [benchmark for (benchmark,) in found]


def _released(settings: Settings, benchmark: str, day: date) -> list[RawObject]:
    """Return what features of that day were compared with: a benchmark that is held back keeps what it had before."""
    known = _known(settings, benchmark, day)
    while known:
        with fetched(settings, known) as responses:
            require_same_bytes(responses)
            with derived(responses, [HELD]) as connection:
                if not connection.execute("select ticker from changes.held_tickers").fetchall():
                    return known
        last = max(raw.fetched_at.date() for raw in known)
        known = [raw for raw in known if raw.fetched_at.date() < last]
    return []


def _body_of(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    symbol: str,
    day: date,
    session: date | None,
    version: str | None,
    responses: FetchedObjects,
) -> dict[str, Any]:
    ticker = ticker_of(symbol)
    if version is None and kind != "features":
        ((version,),) = connection.execute(DEFAULT).fetchall()
    versions = sorted(name for (name,) in connection.execute(VERSIONS[kind]).fetchall())
    if version is not None and versions and version not in versions:
        raise ConfigurationError(f"{version!a} is not a computation version of {kind}: choose {' or '.join(versions)}")
    about = {"ticker": ticker, "version": version or next(iter(versions), "")}
    ((last,),) = connection.execute(LAST.format(kind=kind), about).fetchall()
    if last is None:
        raise ConfigurationError(f"nothing of {symbol} was known on {day}: no usable response was fetched until then")
    found = values_in(connection, kind, ticker, session or last, about["version"])
    if found is None:
        raise ConfigurationError(f"no {kind} of session {session} were known on {day}: the last session was {last}")
    return {
        "ticker": ticker,
        "symbol": symbol,
        "computation_type": kind,
        "computation_version": about["version"],
        "as_known_on": day.isoformat(),
        "session_date": (session or last).isoformat(),
        "values": found[0],
        "undefined": found[1],
        "sources": _sources_of(connection, kind, ticker, session or last, responses),
        "code": code_of(),
    }


def _sources_of(
    connection: duckdb.DuckDBPyConnection, kind: str, ticker: str, session: date, responses: FetchedObjects
) -> Sequence[dict[str, Any]]:
    # Copies in a folder have no versions.
    versions = {one.raw.key: {"version_id": one.raw.version_id} for one in responses.objects}
    used = sources_in(connection, [(kind, ticker, session)])
    return [row | versions[row["key"]] for row in used[kind, ticker]]
