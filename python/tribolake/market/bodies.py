"""Bodies of processed objects: strict JSON on one line, which says again all that tags and metadata say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tribolake.errors import ContractBroken
from tribolake.lake.labels import require_allowed
from tribolake.libraries import library
from tribolake.market.processed import KINDS, label_of
from tribolake.market.symbols import symbol_of, ticker_of

np = library("numpy")  # a run without news writes no body
FARTHEST = sys.float_info.max
PARTS = {"computed_at": str, "computation_version": str, "values": dict, "undefined": dict, "sources": list}
DAYS = ("generic", "Y", "M", "W", "D")  # units of `datetime64` that become days


def computed_body(
    kind: str,
    ticker: str,
    values: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
    computed_at: datetime,
    computation_version: str,
    *,
    session_date: date | None = None,
    **fields: Any,
) -> bytes:
    """Return the bytes of a processed object: see :meth:`MarketLake.store`.

    Raises:
        TypeError: a value cannot be written as JSON.
        ValueError: there is no such kind, a source has no key, `computed_at` has no time zone, or the session had not
            come.
        LabelRefused: S3 would refuse the label.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind!a} is not one of {', '.join(KINDS)}")
    if not sources or not all(source.get("key") for source in sources):
        raise ValueError("sources have no key of a raw object")
    _require(str, computation_version=computation_version)
    _require(datetime, computed_at=computed_at)
    if session_date is not None:
        _require(date, session_date=session_date)
        if session_date > last_session_of(computed_at):
            raise ValueError(f"session_date is {session_date}, which had not come when computed_at was, {computed_at}")
        fields["session_date"] = session_date
    said = {
        "undefined": {},
        **fields,
        "ticker": ticker_of(symbol_of(ticker)),
        "symbol": symbol_of(ticker),
        "computation_type": kind,
        "computation_version": computation_version,
        "computed_at": iso(computed_at.replace(microsecond=0), "computed_at"),
        "values": dict(values),
        "sources": list(sources),
    }
    content = as_body(said)
    require_allowed(label_of(json.loads(content)), reserved_bytes=70)
    return content


def last_session_of(computed_at: datetime) -> date:
    """Return the last session that may have come by a time: exchanges are at most a day ahead of UTC."""
    return computed_at.astimezone(UTC).date() + timedelta(days=1)


def _require(kind: type, **named: Any) -> None:
    for name, value in named.items():
        if not isinstance(value, kind) or value == "" or (kind is date and isinstance(value, datetime)):
            raise TypeError(f"{name} is {value!a:.40}: use a {kind.__name__}")


def as_body(fields: Mapping[str, Any]) -> bytes:
    """Write a body: sorted names, floats that round-trip, no NaN.

    Raises:
        TypeError: a value is infinite or of a type that JSON does not have; the message names it.
        ValueError: a time has no zone.
    """
    try:
        plain = as_json(fields, "body")
    except RecursionError:
        raise TypeError("body is nested too deeply, or contains itself") from None
    return (json.dumps(plain, allow_nan=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def as_json(value: Any, name: str) -> Any:
    """Return a value as JSON has it: what is missing is null, numpy's numbers are numbers, days and times ISO 8601."""
    if type(value) is str:  # most of a body, so it is asked first
        return _text(value, name)
    if isinstance(value, Mapping):
        return _named_values(value, name)
    if isinstance(value, np.ndarray) and value.ndim == 0 and not isinstance(value, np.ma.MaskedArray):
        value = value[()]
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return [as_json(one, f"{name}[{number}]") for number, one in enumerate(value)]
    if isinstance(value, np.datetime64):
        value = _day_or_time(value, name)
    elif isinstance(value, np.generic) and not isinstance(value, np.timedelta64):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float | int | datetime | date):
        return _number_or_time(value, name)
    if isinstance(value, str):
        return _text(value, name)
    raise TypeError(f"{name} is a {type(value).__name__}: use numbers, texts, days, times, lists and dictionaries")


def _named_values(value: Mapping[Any, Any], name: str) -> dict[str, Any]:
    named = {_text(str(key), name): as_json(one, f"{name}.{key}") for key, one in value.items()}
    if len(named) < len(value):
        raise TypeError(f"{name} has two names that are the same text")
    return named


def _day_or_time(value: Any, name: str) -> date | None:
    """Return a time of numpy as Python has it. Nanoseconds, and years beyond 1 to 9999, would become whole numbers."""
    is_day = np.datetime_data(value)[0] in DAYS
    found: Any = value.astype("datetime64[D]" if is_day else "datetime64[us]").item()
    if isinstance(found, int):
        raise TypeError(f"{name} is a time that is not in the years from 1 to 9999")
    return found  # type: ignore[no-any-return]


def _number_or_time(value: float | date, name: str) -> Any:
    if value != value:  # noqa: PLR0124 - NaN, and NaT of pandas, which is a time
        return None
    if isinstance(value, date):
        return iso(value, name) if isinstance(value, datetime) else value.isoformat()
    # A whole number that no double has is infinite to most readers.
    if not -FARTHEST <= value <= FARTHEST:
        raise TypeError(f"{name} is infinite: JSON has no such number")
    return value


def _text(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise TypeError(f"{name} has half a character, which readers of JSON refuse") from None
    return value


def iso(moment: datetime, name: str) -> str:
    """Return a time as `2025-01-15T12:30:00Z`.

    Raises:
        ValueError: it has no zone.
    """
    if moment != moment or moment.utcoffset() is None:  # noqa: PLR0124 - NaT of pandas
        raise ValueError(f"{name} has no time zone: use datetime.now(UTC)")
    at = moment.astimezone(UTC)
    # A time of pandas has nanoseconds too, which no other reader takes.
    return datetime.combine(at.date(), at.time()).isoformat() + "Z"


def parsed_body(content: bytes, address: str) -> dict[str, Any]:
    """Parse the bytes of a processed object. Another program may have written over it.

    Raises:
        ContractBroken: it is not one; the message names it.
    """
    try:
        body = json.loads(content, parse_constant=_refuse)
        if not all(isinstance(body[name], kind) for name, kind in PARTS.items()):
            raise TypeError("its parts are of other types")
        if not all(isinstance(source["key"], str) for source in body["sources"]):
            raise TypeError("a source has no key")
        if body.get("session_date") is not None:
            date.fromisoformat(body["session_date"])
        return dict(body)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ContractBroken(f"{address} is not a processed object: {error!r:.200}") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
