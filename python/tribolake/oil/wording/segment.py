"""Segments of wordings: their names, and what is in them.

recommendations/{prompt_version}/{run_id}-{random}.jsonl    wordings, one a line
recommendations/_expired/{prompt_version}/{time}            the wordings that were generated until then have expired
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.oil.wording.wording import PROMPT_VERSION_FORM, Wording, WordingUnusable

log = logging.getLogger(__name__)
FOLDER = "recommendations"
EXPIRED = "_expired/"
VERSION = rf"(?P<version>{PROMPT_VERSION_FORM.pattern})"
SEGMENT = re.compile(rf"{VERSION}/[A-Za-z0-9][A-Za-z0-9._-]{{0,150}}\.jsonl")
MARK = re.compile(rf"{EXPIRED}{VERSION}/(?P<time>[0-9]{{8}}T[0-9]{{6}}Z)")
MARK_TIME = "%Y%m%dT%H%M%SZ"
MAX_SEGMENT_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Segment:
    """The rows of a segment that can be used, and how many lines cannot."""

    rows: tuple[Wording, ...]
    bad_lines: int = 0


def names_in(place: Objects) -> list[str]:
    """Return the names of all objects in the place of the wordings."""
    beginning = key_of(place, "")
    return [found.key.removeprefix(beginning) for found in place.files(beginning.removesuffix("/"))]


def is_segment(name: str, prompt_version: str | None = None) -> bool:
    """Tell whether an object is a segment, of a prompt version or of any."""
    return SEGMENT.fullmatch(name) is not None and prompt_version in (None, version_of(name))


def segment_names(place: Objects) -> list[str]:
    return [name for name in names_in(place) if is_segment(name)]


def key_of(place: Objects, name: str) -> str:
    return f"{place.home}/{FOLDER}/{name}"


def version_of(name: str) -> str:
    """Return the prompt version of a segment."""
    return name.partition("/")[0]


def read_segment(place: Objects, name: str) -> Segment | None:
    """Read a segment. Returns None where it was removed since it was listed."""
    try:
        content = place.read(key_of(place, name), MAX_SEGMENT_BYTES)
    except ObjectUnreadable as error:
        log.warning("wordings: %a is skipped: %s", name, error)
        return Segment((), bad_lines=1)
    if content is None:
        return None
    rows, reasons = [], []
    for line in filter(None, content.split(b"\n")):
        try:
            row = Wording.of_json(line)
            if row.configuration.prompt_version != version_of(name):
                raise WordingUnusable("it is of another prompt version")
            rows.append(row)
        except WordingUnusable as error:
            reasons.append(str(error))
    if reasons:
        log.warning("wordings: %d lines of %a are skipped: %a", len(reasons), name, reasons[0])
    return Segment(tuple(rows), len(reasons))


def in_order(segments: Mapping[str, Segment]) -> list[Wording]:
    """Return the rows of segments, each once, in the order in which they count."""
    rows = dict.fromkeys(row for name in sorted(segments) for row in segments[name].rows)
    return sorted(rows, key=lambda row: row.generated_at)


def lines_of(rows: Iterable[Wording]) -> bytes:
    return b"".join(row.as_json() + b"\n" for row in rows)
