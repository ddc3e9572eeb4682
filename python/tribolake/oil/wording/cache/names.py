"""What may stand where: names of a key, a prompt version and their objects, and what a wording must look like.

Anybody who can write to the place can put anything there. A name becomes part of a path, and a content part of gold,
only after it was held against what is said here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tribolake.oil.wording.pattern import LANGUAGES
from tribolake.oil.wording.wording import Wording

COMPACTED = "_compacted/"
EXPIRED = "_expired/"
# A place that something unusable takes up for ever is passed over for the next one.
PLACES = 9
MAX_WORDING_BYTES = 64 * 2**10
MAX_PATTERN = 16_000
MAX_SENTENCE = 2_000
MAX_NAME = 200
MAX_TOKENS = 2**31
MAX_TEMPERATURE = 100
# No model worded anything before, and DuckDB cannot hold every year that Python can.
YEARS = range(2020, 2200)

KEY = re.compile(r"[0-9a-f]{64}")
PROMPT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ALONE = re.compile(rf"(?P<prompt_version>{PROMPT_VERSION.pattern})/(?P<key>{KEY.pattern})(?:-(?P<place>[2-9]))?\.json")
TOGETHER = re.compile(rf"{COMPACTED}(?P<prompt_version>{PROMPT_VERSION.pattern})/(?P<sha256>{KEY.pattern})\.parquet")
MARK = re.compile(rf"{EXPIRED}(?P<prompt_version>{PROMPT_VERSION.pattern})/(?P<time>[0-9]{{8}}T[0-9]{{6}}Z)")
MARK_TIME = "%Y%m%dT%H%M%SZ"
# JSON of a hostile file can be nested so deeply, or have so large a number, that reading it fails so.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, ArithmeticError)


class NoWording(ValueError):
    """A content that cannot be a wording, or not the one of its place."""


class NoWordings(ValueError):
    """A file that cannot be a table of wordings."""


@dataclass(frozen=True)
class Place:
    """Where a wording that stands alone may be; the first place is asked first."""

    prompt_version: str
    cache_key: str
    number: int  # 1 to PLACES

    @property
    def name(self) -> str:
        suffix = "" if self.number == 1 else f"-{self.number}"
        return f"{self.prompt_version}/{self.cache_key}{suffix}.json"


def place_of(name: str) -> Place | None:
    """The place that an object's name stands for; None where it is none of ours."""
    found = ALONE.fullmatch(name)
    return Place(found["prompt_version"], found["key"], int(found["place"] or 1)) if found else None


def mark_name(prompt_version: str, at: str) -> str:
    """The name of the mark that what was generated up to a time, as wordings say it, has expired."""
    return f"{EXPIRED}{prompt_version}/{datetime.fromisoformat(at).strftime(MARK_TIME)}"


def mark_of(name: str) -> tuple[str, str] | None:
    """The prompt version and the time of a mark, as wordings say it; None where the name is none of ours."""
    found = MARK.fullmatch(name)
    if found is None:
        return None
    try:
        at = datetime.strptime(found["time"], MARK_TIME).replace(tzinfo=UTC).isoformat(timespec="seconds")
    except ValueError:
        return None
    return (found["prompt_version"], at) if _is_time(at) else None


def checked_prompt_version(name: str) -> str:
    """The name of a prompt version, which may become part of a path.

    Raises:
        ValueError: it may not.
    """
    if not PROMPT_VERSION.fullmatch(name):
        raise ValueError(f"{name!r} is no prompt version: letters, digits, dots, dashes, at most 64 of them")
    return name


def read_wording(content: bytes, place: Place) -> Wording:
    """Read a wording that stands alone.

    Raises:
        NoWording: it is none, or belongs elsewhere.
    """
    try:
        wording = Wording.of_json(content)
        reason = flaw(wording)
    except UNREADABLE as error:
        raise NoWording(f"it cannot be read: {type(error).__name__}") from error
    if reason is None and wording.cache_key != place.cache_key:
        reason = "it has the key of another one"
    if reason is None and wording.configuration.prompt_version != place.prompt_version:
        reason = "it is of another prompt version"
    if reason is not None:
        raise NoWording(reason)
    return wording


def flaw(wording: Wording) -> str | None:
    """Why a wording cannot be kept; None where it can. What its sentences say is not looked at."""
    return _flaw_of_texts(wording) or _flaw_of_numbers(wording) or _flaw_of_form(wording) or _flaw_of_size(wording)


def _flaw_of_texts(wording: Wording) -> str | None:
    configuration = wording.configuration
    texts = {
        "cache_key": (wording.cache_key, MAX_NAME),
        "prompt_version": (configuration.prompt_version, MAX_NAME),
        "model": (configuration.model, MAX_NAME),
        "language": (configuration.language, MAX_NAME),
        "pattern": (wording.pattern, MAX_PATTERN),
        "observation": (wording.observation, MAX_SENTENCE),
        "cause": (wording.cause, MAX_SENTENCE),
        "action": (wording.action, MAX_SENTENCE),
        "generated_at": (wording.generated_at, MAX_NAME),
    }
    for name, (text, most) in texts.items():
        if not isinstance(text, str) or not text or len(text) > most or not _is_unicode(text):
            return f"its {name} is no text of 1 to {most} characters"
    return None


def _flaw_of_numbers(wording: Wording) -> str | None:
    for name, tokens in (("input_tokens", wording.input_tokens), ("output_tokens", wording.output_tokens)):
        if type(tokens) is not int or not 0 <= tokens <= MAX_TOKENS:
            return f"its {name} is no count"
    temperature = wording.configuration.temperature
    if temperature is None:
        return None
    # Compared as it is: JSON can have whole numbers that no float, and so no column of a table, holds.
    is_number = type(temperature) in (int, float) and 0 <= temperature <= MAX_TEMPERATURE
    return None if is_number else f"its temperature is no number from 0 to {MAX_TEMPERATURE}"


def _flaw_of_form(wording: Wording) -> str | None:
    configuration = wording.configuration
    said = {
        "its cache_key is not 64 hexadecimal digits": KEY.fullmatch(wording.cache_key),
        "its prompt_version is no name": PROMPT_VERSION.fullmatch(configuration.prompt_version),
        f"its language is none of {', '.join(LANGUAGES)}": configuration.language in LANGUAGES,
        "its generated_at is no time": _is_time(wording.generated_at),
        "its pattern is no JSON object": _is_json_object(wording.pattern),
    }
    return next((reason for reason, is_so in said.items() if not is_so), None)


def _flaw_of_size(wording: Wording) -> str | None:
    """A row that could not stand alone is none either: another place could not take it over."""
    is_small = len(wording.as_json()) <= MAX_WORDING_BYTES
    return None if is_small else f"it has more than {MAX_WORDING_BYTES} bytes"


def _is_unicode(text: str) -> bool:
    """Whether a text can be written: JSON can name halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_time(text: str) -> bool:
    """Whether a time is written as `wording_of` does it: Python reads forms that DuckDB does not."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    is_utc = at.utcoffset() == timedelta(0)
    return is_utc and at.year in YEARS and at.replace(tzinfo=UTC).isoformat(timespec="seconds") == text


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
