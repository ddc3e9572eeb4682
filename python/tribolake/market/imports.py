"""`market import`: stage files that another program made, as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.market.keys import IMPORT, MOST_BYTES, RawKey, is_possible
from tribolake.market.staging import Staged, stage
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.market.tables import SUFFIXES as TABLES
from tribolake.settings import Settings

SUFFIXES = ("json", *TABLES)
# A market may be closed so long, and a file may wait so long before it is imported.
RECENT = timedelta(days=14)


def import_files(
    settings: Settings, files: Sequence[Path], symbol: str | None, fetched_at: datetime | None
) -> list[Staged]:
    """Stage files. All are looked at before the first is stored.

    Args:
        settings: of the product.
        files: chart JSON as Yahoo served it, or bars as CSV or Parquet.
        symbol: of all files; None takes it from the chart. Other files name none.
        fetched_at: when they were fetched; None is now. A chart says itself when it was served at the earliest.

    Raises:
        ConfigurationError: a file cannot be imported, or cannot have been fetched then.
    """
    at = (fetched_at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    if at > datetime.now(UTC) or not is_possible(at):
        raise ConfigurationError(f"nothing can have been fetched at {at.isoformat()}: give the day when the files were")
    wanted = []
    for path in files:
        suffix = path.suffix.lower().lstrip(".")
        if suffix not in SUFFIXES:
            raise ConfigurationError(f"{path} is not one of {', '.join(SUFFIXES)}")
        try:
            with path.open("rb") as file:  # a device says that it has no bytes, and never ends
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
        if len(content) > MOST_BYTES:
            raise ConfigurationError(f"{path} has more than {MOST_BYTES:,} bytes")
        if suffix == "json":
            _require_possible(path, _meta_of(content), fetched_at)
        of_file = symbol_of(symbol) if symbol else _symbol_in(path, content, suffix)
        wanted.append((RawKey(IMPORT, ticker_of(of_file), at, suffix=suffix), content, path))
    return [stage(settings, key, content, {"file": path.name}) for key, content, path in wanted]


def _symbol_in(path: Path, content: bytes, suffix: str) -> str:
    if suffix == "json":
        try:
            return symbol_of(_meta_of(content)["symbol"])
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
    raise ConfigurationError(f"{path} names no symbol: give it by --ticker")


def _meta_of(content: bytes) -> dict[str, Any]:
    """Return what a chart says of itself. Empty if it says nothing: a run says why it cannot be used."""
    try:
        meta = json.loads(content)["chart"]["result"][0]["meta"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _require_possible(path: Path, meta: dict[str, Any], fetched_at: datetime | None) -> None:
    """Refuse a chart that was served after the time that it would count as fetched at, or long before.

    An older chart that counts as fetched last would undo corrections, and the splits since then.
    """
    traded = _time(meta.get("regularMarketTime"))
    try:
        session = _time(meta["currentTradingPeriod"]["regular"]["start"])
    except (KeyError, TypeError):
        session = None
    served = max(filter(None, (traded, session)), default=None)
    if fetched_at and traded and traded > fetched_at:
        raise ConfigurationError(
            f"{path} has a price of {_shown(traded)} (UTC), so it was not fetched at {_shown(fetched_at)}: "
            "give day and time of its fetch by --fetched-at"
        )
    if fetched_at is None and served and served < datetime.now(UTC) - RECENT:
        raise ConfigurationError(
            f"{path} was served about {served:%Y-%m-%d}, and would count as fetched now: give day and time (UTC) of "
            f"its fetch by --fetched-at, such as {_shown(served + timedelta(hours=12))}"
        )


def _time(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"
