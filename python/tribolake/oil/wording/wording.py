"""A wording: an accepted reply of the model to a pattern, as the lake keeps it for all runs."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from tribolake.oil.wording.pattern import Language

MAX_WORDING_BYTES = 64 * 2**10
# No model worded anything before, and DuckDB cannot hold every year that Python can.
YEARS = range(2020, 2200)
PROMPT_VERSION_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
STRICT = ConfigDict(strict=True, extra="forbid")


class WordingUnusable(ValueError):
    """A content that cannot be a wording; the message says why."""


def _prompt_version(name: str) -> str:
    if not PROMPT_VERSION_FORM.fullmatch(name):
        raise ValueError("it is not letters, digits, dots and dashes, at most 64 of them")
    return name


def _time(text: str) -> str:
    """Accept a time as `wording_of` writes it: Python reads forms that DuckDB does not."""
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        is_utc = at.utcoffset() == timedelta(0)
        if is_utc and at.year in YEARS and at.replace(tzinfo=UTC).isoformat(timespec="seconds") == text:
            return text
    raise ValueError("it is not a time such as 2026-01-31T06:00:00+00:00")


def _json_object(text: str) -> str:
    try:
        is_object = isinstance(json.loads(text), dict)
    except RecursionError:
        is_object = False
    if not is_object:
        raise ValueError("it is not a JSON object")
    return text


Name = Annotated[str, Field(min_length=1, max_length=200)]
Tokens = Annotated[int, Field(ge=0, le=2**31)]


@dataclass(frozen=True)
class Configuration:
    """What a wording depends on besides its pattern."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prompt_version: Annotated[str, AfterValidator(_prompt_version)]
    model: Name
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None  # None: the model takes none
    language: Language


@dataclass(frozen=True)
class Wording:
    """An accepted reply. It never changes.

    Its fields and their bounds are those of a stored row. Others can write to the place where rows are stored, so
    `of_json` checks every row.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    cache_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    configuration: Configuration
    pattern: Annotated[str, Field(max_length=16_000), AfterValidator(_json_object)]  # as the warehouse has it
    reply: Annotated[str, Field(max_length=8_000), AfterValidator(_json_object)]  # canonical JSON of ids
    generated_at: Annotated[str, AfterValidator(_time)]  # ISO 8601, UTC
    input_tokens: Tokens = 0
    output_tokens: Tokens = 0

    def as_json(self) -> bytes:
        return canonical_json(asdict(self)).encode()

    @classmethod
    def of_json(cls, content: bytes) -> Wording:
        """Read and check a stored row.

        Raises:
            WordingUnusable: the content is not a wording.
        """
        if len(content) > MAX_WORDING_BYTES:
            raise WordingUnusable(f"it has more than {MAX_WORDING_BYTES} bytes")
        try:
            return _stored().validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part)[:40] for part in first["loc"])
            raise WordingUnusable(f"its {where}: {first['msg']}" if where else first["msg"]) from error


@cache
def _stored() -> TypeAdapter[Wording]:
    return TypeAdapter(Wording)


def cache_key(pattern: str, configuration: Configuration) -> str:
    """Return the SHA-256 of everything that a reply depends on, as 64 hexadecimal digits.

    The phrases are not part of it: a corrected phrase corrects every text, and no reply is asked for again.
    """
    said = {"configuration": asdict(configuration), "pattern": json.loads(pattern)}
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def canonical_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
