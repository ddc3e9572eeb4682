"""JSON pointers (RFC 6901) into the bytes of chart JSON, and what stands there."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

RESULT = "/chart/result/0"


def price_pointer(price: str, position: int) -> str:
    """Return the pointer to a price or the volume of a bar. `position` counts from 1."""
    return f"{RESULT}/indicators/quote/0/{price}/{position - 1}"


def split_pointers(document: Any, ex_date: date) -> list[str]:
    """Return the pointers to the splits of a day in the zone of the exchange."""
    return _event_pointers(document, "splits", ex_date)


def dividend_pointers(document: Any, ex_date: date) -> list[str]:
    """Return the pointers to the amounts of the dividends of a day in the zone of the exchange."""
    return [f"{pointer}/amount" for pointer in _event_pointers(document, "dividends", ex_date)]


def _event_pointers(document: Any, kind: str, ex_date: date) -> list[str]:
    zone, events = _at(document, f"{RESULT}/meta/exchangeTimezoneName"), _at(document, f"{RESULT}/events/{kind}")
    names = [name for name, one in events.items() if _day_of(one, zone) == ex_date] if isinstance(events, dict) else []
    return [f"{RESULT}/events/{kind}/{name.replace('~', '~0').replace('/', '~1')}" for name in names]


def read_chart(content: bytes) -> Any:
    """Parse chart JSON. Returns None if it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def number_at(document: Any, pointer: str) -> float | None:
    """Return the number at a pointer. None if there is none."""
    return _number(_at(document, pointer))


def ratio_at(document: Any, pointer: str) -> float | None:
    """Return the ratio of the split at a pointer. None if there is none."""
    parts = [number_at(document, f"{pointer}/{name}") for name in ("numerator", "denominator")]
    return parts[0] / parts[1] if parts[0] is not None and parts[1] else None


def _day_of(event: Any, zone: Any) -> date | None:
    """Return the day of an event in a zone. None if it has no time, or the zone is unknown here."""
    try:
        return datetime.fromtimestamp(event["date"], UTC).astimezone(ZoneInfo(zone)).date()
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _at(document: Any, pointer: str) -> Any:
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return found


def _number(value: Any) -> float | None:
    """Return a number as a run reads it: Yahoo, or a program in between, may put it into quotation marks."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
