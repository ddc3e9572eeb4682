"""JSON pointers (RFC 6901) into the bytes of chart JSON, and what stands there."""

from __future__ import annotations

import json
from typing import Any

RESULT = "/chart/result/0"


def price_pointer(price: str, position: int) -> str:
    """Return the pointer to a price or the volume of a bar. `position` counts from 1."""
    return f"{RESULT}/indicators/quote/0/{price}/{position - 1}"


def event_at(document: Any, section: str, time: int, value: float) -> tuple[str | None, float | None]:
    """Find an event by its second, and among several by its value.

    Args:
        document: of :func:`read_chart`.
        section: splits, dividends or capitalGains.
        time: seconds since 1970.
        value: ratio or amount.

    Returns:
        The pointer to a split or to an amount, and the ratio or amount that stands there. None if there is none.
    """
    found = _at(document, f"{RESULT}/events/{section}")
    events = found if isinstance(found, dict) else {}
    names = [name for name in events if number_at(events, f"/{_escaped(name)}/date") == time]
    read, last = (ratio_at, "") if section == "splits" else (number_at, "/amount")
    pointers = [f"{RESULT}/events/{section}/{_escaped(name)}{last}" for name in names]
    standing = [(pointer, read(document, pointer)) for pointer in pointers]
    return next((one for one in standing if one[1] == value), standing[0] if standing else (None, None))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


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
