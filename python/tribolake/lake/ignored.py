"""Names in bronze that are not deliveries: see the seed `ignored_names`."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from fnmatch import translate
from functools import cache, lru_cache

from tribolake.settings import PROJECT_DIR

SEED = PROJECT_DIR / "seeds" / "oil" / "ignored_names.csv"


def kind_of_ignored(parts: Sequence[str]) -> str | None:
    """Return the kind of the first name in a key that is not a delivery. Returns None for a delivery.

    Args:
        parts: names of the folders below bronze and of the file.
    """
    return next((kind for kind in map(_kind_of, parts) if kind), None)


@lru_cache(maxsize=65536)
def _kind_of(name: str) -> str | None:
    # macOS writes `Icon` with a carriage return, which shares and buckets replace by other invisible characters.
    if not name.isprintable():
        name = "".join(character for character in name if not unicodedata.category(character).startswith("C"))
    seen = name.strip().lower()
    any_pattern, kinds = _patterns()
    found = any_pattern.match(seen)
    return kinds[found.lastindex - 1] if found and found.lastindex else None


@cache
def _patterns() -> tuple[re.Pattern[str], list[str]]:
    """Return one pattern with a group for each row, and the kind of each row."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    any_of_them = re.compile("|".join(f"({translate(row['pattern'].lower())})" for row in rows))
    return any_of_them, [row["kind"] for row in rows]
