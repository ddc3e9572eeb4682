"""The values that `market get` and the addresses of the server answer with."""

from __future__ import annotations

from datetime import date
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.market.as_known_on import get_as_known_on
from tribolake.market.market_lake import MarketLake
from tribolake.market.processed import KINDS
from tribolake.settings import Settings


class NothingFits(ConfigurationError):
    """No values of a ticker fit what is asked for."""


def get_values(
    settings: Settings,
    kind: str,
    symbol: str,
    *,
    day: date | None = None,
    session: date | None = None,
    version: str | None = None,
    as_known_on: date | None = None,
) -> dict[str, Any]:
    """Return the values that were stored last, those of a day, a session or a version, or those known on a day.

    Args:
        settings: of the product.
        kind: indicators, percentiles or features.
        symbol: Yahoo's symbol.
        day: of the computation (UTC).
        session: day of the market.
        version: see :meth:`MarketLake.get`; with `as_known_on`, a computation version.
        as_known_on: compute the values from what was fetched until the end of this day (UTC).

    Returns:
        The body of a processed object.

    Raises:
        NothingFits: there are no such values.
        ConfigurationError: the question cannot be answered as it is.
        StoreUnavailable: the object is archived, or the lake cannot be read.
        ContractBroken: raw objects are gone, or have other bytes.
    """
    if kind not in KINDS:
        raise ConfigurationError(f"{kind!a} is not one of {', '.join(KINDS)}")
    if as_known_on is None:
        found = MarketLake(settings).get(kind, symbol, day=day, session=session, version=version)
        if found is None:
            raise NothingFits(f"no {kind} of {symbol!a} fit: `tribolake market status` lists the tickers")
        return found
    if day is not None:
        raise ConfigurationError("give --date or --as-known-on, not both: one is of a stored computation")
    return get_as_known_on(settings, kind, symbol, as_known_on, session=session, computation_version=version)
