"""`market import`: stage files that another program made, as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.market.keys import IMPORT, RawKey, is_possible
from tribolake.market.responses import MOST_BYTES
from tribolake.market.staging import Staged, stage
from tribolake.market.symbols import symbol_of, ticker_of
from tribolake.market.tables import SUFFIXES as TABLES
from tribolake.settings import Settings

SUFFIXES = ("json", *TABLES)


def import_files(
    settings: Settings, files: Sequence[Path], symbol: str | None, fetched_at: datetime | None
) -> list[Staged]:
    """Stage files. All are looked at before the first is stored.

    Args:
        settings: of the product.
        files: chart JSON as Yahoo served it, or bars as CSV or Parquet.
        symbol: of all files; None takes it from the chart. Other files name none.
        fetched_at: when they were fetched; None is now.

    Raises:
        ConfigurationError: a file cannot be imported.
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
            if path.stat().st_size > MOST_BYTES:
                raise ConfigurationError(f"{path} has more than {MOST_BYTES:,} bytes")
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
        of_file = symbol_of(symbol) if symbol else _symbol_in(path, content, suffix)
        wanted.append((RawKey(IMPORT, ticker_of(of_file), at, suffix=suffix), content, path))
    return [stage(settings, key, content, {"file": path.name}) for key, content, path in wanted]


def _symbol_in(path: Path, content: bytes, suffix: str) -> str:
    if suffix == "json":
        try:
            return symbol_of(json.loads(content)["chart"]["result"][0]["meta"]["symbol"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            pass
    raise ConfigurationError(f"{path} names no symbol: give it by --ticker")
