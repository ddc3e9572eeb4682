"""Bodies of processed objects: strict JSON on one line, which says again all that tags and metadata say."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from tribolake.lake.labels import require_allowed
from tribolake.libraries import library
from tribolake.market.processed import label_of
from tribolake.market.symbols import symbol_of, ticker_of

np = library("numpy")  # a run without news writes no body


def computed_body(
    kind: str,
    ticker: str,
    values: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
    computed_at: datetime,
    computation_version: str,
    **fields: Any,
) -> bytes:
    """Return the bytes of a processed object: see :meth:`MarketLake.store`.

    Raises:
        TypeError: a value cannot be written as JSON.
        ValueError: `computed_at` has no time zone.
        LabelRefused: S3 would refuse the label.
    """
    said = {
        "ticker": ticker_of(symbol_of(ticker)),
        "symbol": symbol_of(ticker),
        "computation_type": kind,
        "computation_version": computation_version,
        "computed_at": iso(computed_at.replace(microsecond=0), "computed_at"),
        "values": dict(values),
        "undefined": {},
        "sources": list(sources),
        **fields,
    }
    content = as_body(said)
    require_allowed(label_of(json.loads(content)), reserved_bytes=70)
    return content


def as_body(fields: Mapping[str, Any]) -> bytes:
    """Write a body: sorted names, floats that round-trip, no NaN.

    Raises:
        TypeError: a value is infinite or of a type that JSON does not have; the message names it.
        ValueError: a time has no zone.
    """
    plain = as_json(fields, "body")
    return (json.dumps(plain, allow_nan=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def as_json(value: Any, name: str) -> Any:
    """Return a value as JSON has it: NaN is null, numpy's numbers are numbers, days and times are ISO 8601."""
    if isinstance(value, Mapping):
        return {str(key): as_json(one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(one, f"{name}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isinf(value):
            raise TypeError(f"{name} is infinite: JSON has no such number")
        return None if math.isnan(value) else value
    if isinstance(value, datetime):
        return iso(value, name)
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: use numbers, texts, days, times, lists and dictionaries")


def iso(moment: datetime, name: str) -> str:
    """Return a time as `2025-01-15T12:30:00Z`.

    Raises:
        ValueError: it has no zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"{name} has no time zone: use datetime.now(UTC)")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
