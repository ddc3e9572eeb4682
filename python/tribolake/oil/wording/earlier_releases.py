"""Wordings of earlier releases. They are not read, only counted and expired.

recommendations/{prompt_version}/{key}.json                     a wording, {key}-2.json the next one of that key
recommendations/_compacted/{prompt_version}/{sha256}.parquet    many wordings
"""

from __future__ import annotations

import io
import re
from collections import Counter

from tribolake.lake.objects import Objects, ObjectUnreadable
from tribolake.libraries import library

pa = library("pyarrow")
pq = library("pyarrow.parquet")  # runs do not need it

MAX_BYTES = 256 * 2**20
ALONE = re.compile(r"([^/]+)/([0-9a-f]{64})(?:-[2-9])?\.json")
COMPACTED = re.compile(r"_compacted/([^/]+)/[0-9a-f]{64}\.parquet")


def is_of_earlier_release(name: str, prompt_version: str) -> bool:
    """Tell whether an object has wordings of a prompt version, as earlier releases kept them."""
    found = ALONE.fullmatch(name) or COMPACTED.fullmatch(name)
    return found is not None and found[1] == prompt_version


def count_earlier(place: Objects, beginning: str, names: list[str]) -> Counter[str]:
    """Count the wordings of each prompt version by their names, and by the sizes that compacted files claim."""
    count = Counter(version for version, _ in {found.groups() for found in map(ALONE.fullmatch, names) if found})
    for found in filter(None, map(COMPACTED.fullmatch, names)):
        try:
            content = place.read(beginning + found[0], MAX_BYTES) or b""
            count[found[1]] += int(pq.read_metadata(io.BytesIO(content)).num_rows)
        except (ObjectUnreadable, pa.ArrowException, OSError):
            continue
    return count
