"""Wordings leave a lake in a file, and come into another one."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tribolake.oil.wording.cache import Imported, Refused, Validate
from tribolake.oil.wording.cache.names import NoWording
from tribolake.oil.wording.cache.table import as_parquet, of_parquet, wordings_of
from tribolake.oil.wording.wording import Wording
from tribolake.publish.files import fresh_aside, replace_durably

if TYPE_CHECKING:
    from tribolake.oil.wording.cache import WordingCache

WRITERS = 8
SHOWN_KEY = 64


def export_wordings(wordings: Iterable[Wording], path: Path) -> int:
    """Write wordings into a Parquet file; what was there before is there until the new one is whole."""
    every = list(wordings)
    aside = fresh_aside(path)
    aside.write_bytes(as_parquet(every))
    replace_durably(aside, path)
    return len(every)


def import_wordings(cache: WordingCache, path: Path, validate: Validate) -> Imported:
    """Keep the wordings of a file that pass; of a key that the file has twice the first row counts.

    Raises:
        NoWordings: it is no such file.
    """
    passed: dict[str, Wording] = {}
    refused = []
    for row, (key, wording) in enumerate(wordings_of(of_parquet(path)), start=1):
        if isinstance(wording, NoWording):
            reasons: tuple[str, ...] = (str(wording),)
        elif key in passed:
            reasons = ("an earlier row has its key",)
        else:
            reasons = tuple(validate(wording))
        if reasons or isinstance(wording, NoWording):
            refused.append(Refused(row, key[:SHOWN_KEY], reasons))
        else:
            passed[key] = wording
    known = cache.find(passed.keys(), validate)
    new = [wording for key, wording in passed.items() if key not in known]
    with ThreadPoolExecutor(WRITERS) as threads:
        kept = threads.map(lambda wording: cache.keep(wording, validate), new)
        taken = sum(there == wording for there, wording in zip(kept, new, strict=True))
    return Imported(taken, len(passed) - taken, tuple(refused))
