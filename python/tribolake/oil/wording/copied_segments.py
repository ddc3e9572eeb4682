"""Synchronise the segments of a lake and of its copy: each gets the segments that only the other has.

So a lake that moves from one storage mode to the next keeps its wordings. Segments of the copy that were folded or
expired in the lake are removed from the copy.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tribolake.lake.objects import Objects
from tribolake.oil.wording.segment import (
    MARK,
    MARK_TIME,
    MAX_SEGMENT_BYTES,
    Segment,
    key_of,
    lines_of,
    names_in,
    read_segment,
    segment_names,
    version_of,
)


def exchange(lake: Objects, copy: Objects) -> int:
    """Copy segments that only one of the two has. Returns how many were copied."""
    here, there = set(segment_names(lake)), set(segment_names(copy))
    # Read after the names, so that the mark of an expiry which removed some of them is seen.
    expired = _expired(lake)
    known = {row for name in here for row in (read_segment(lake, name) or Segment(())).rows} if there - here else set()
    copied = 0
    for name in sorted(there - here):
        segment = read_segment(copy, name) or Segment(())
        until = expired.get(version_of(name), "")
        news = [row for row in segment.rows if row not in known and row.generated_at > until]
        if news:
            for place in (lake, copy):
                place.put(key_of(place, name), lines_of(news))
            copied += 1
        elif not segment.bad_lines:
            copy.remove(key_of(copy, name))
    for name in sorted(here - there):
        content = lake.read(key_of(lake, name), MAX_SEGMENT_BYTES)
        if content is not None:
            copy.put(key_of(copy, name), content)
            copied += 1
    return copied


def _expired(lake: Objects) -> dict[str, str]:
    """Return until when each prompt version has expired, as wordings write times."""
    marks = dict[str, str]()
    for found in filter(None, map(MARK.fullmatch, names_in(lake))):
        try:
            at = datetime.strptime(found["time"], MARK_TIME).replace(tzinfo=UTC).isoformat(timespec="seconds")
        except ValueError:
            continue
        marks[found["version"]] = max(at, marks.get(found["version"], ""))
    return marks
