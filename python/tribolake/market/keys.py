"""Keys of raw objects: `raw/{source}/{ticker}/{date}/{timestamp}.{suffix}`.

Date and timestamp (`20250115_120000`, UTC) are when the object was fetched. A second one in the same second gets `_2`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tribolake.lake.inbox import Inbox
from tribolake.market.symbols import symbol_of_ticker
from tribolake.settings import Settings

YFINANCE, IMPORT = "yfinance", "import"
STAMP = "%Y%m%d_%H%M%S"
KEY = re.compile(
    r"(?:[^/]+/)*(?P<key>raw/(?P<source>yfinance|import)/(?P<ticker>[^/]+)/(?P<day>\d{4}-\d\d-\d\d)"
    r"/(?P<stamp>\d{8}_\d{6})(_(?P<number>[1-9]\d*))?\.(?P<suffix>json|csv|parquet))"
)
MOST_BYTES = 16 * 2**20  # of a raw object


@dataclass(frozen=True)
class RawKey:
    """The parts of a key. `number` counts the objects of a second, from 1."""

    source: str
    ticker: str
    fetched_at: datetime
    number: int = 1
    suffix: str = "json"

    def __str__(self) -> str:
        at = self.fetched_at.astimezone(UTC)
        number = f"_{self.number}" if self.number > 1 else ""
        return f"raw/{self.source}/{self.ticker}/{at:%Y-%m-%d}/{at:{STAMP}}{number}.{self.suffix}"

    @property
    def ordered_at(self) -> datetime:
        """When it was fetched, as an order: a later object of the same second is a microsecond later."""
        return self.fetched_at + timedelta(microseconds=min(self.number, 10**6) - 1)

    @property
    def folder(self) -> str:
        return f"raw/{self.source}/{self.ticker}"


@lru_cache(maxsize=10_000)  # objects of a run name the same sources many times
def parse_key(key: str) -> RawKey | None:
    """Return the parts of a key. None if it is not one of a raw object."""
    found = KEY.fullmatch(key)
    if not found:
        return None
    try:
        fetched_at = datetime.strptime(found["stamp"], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    parsed = RawKey(found["source"], found["ticker"], fetched_at, int(found["number"] or 1), found["suffix"])
    is_whole = symbol_of_ticker(parsed.ticker) is not None and str(parsed) == found["key"] and is_possible(fetched_at)
    return parsed if is_whole else None


def is_possible(fetched_at: datetime) -> bool:
    """Return whether something can have been fetched then. Calendars know no sessions after 2261."""
    return 1970 <= fetched_at.year < 2200


def place(settings: Settings, name: str) -> str:
    """Return the key of `raw` or `processed`, or of something below it, in the lake."""
    root = settings.market.root
    return f"{root}/{name}" if root else name


def raw_inbox(settings: Settings) -> Inbox:
    """Return where raw objects arrive. They are written by this program, so only hidden names are no delivery."""
    return Inbox(place(settings, "raw"), depth=2, kind_of_ignored=_hidden)


def _hidden(parts: Sequence[str]) -> str | None:
    return "hidden" if any(part.startswith(".") for part in parts) else None
