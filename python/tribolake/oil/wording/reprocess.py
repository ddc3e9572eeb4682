"""Have the wordings that a run's reports show in the lake in which it is computed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tribolake.oil.wording.segments import open_wordings
from tribolake.settings import Settings

KEYS = "select distinct cache_key from read_parquet($1) where cache_key is not null"


def lay_out_wordings(settings: Settings, scratch: Settings, reports: Sequence[Path]) -> Settings:
    """Copy wordings from one lake to another.

    Args:
        settings: the lake that has them.
        scratch: the lake that is to have them.
        reports: `classified_reports.parquet` of the run, of each client; those of earlier releases name no wordings.

    Returns:
        The settings of the other lake, which words as the run did.
    """
    keys: set[str] = set()
    with duckdb.connect() as connection:
        for path in reports:
            columns = connection.execute("select * from read_parquet($1) limit 0", [str(path)]).description or []
            if "cache_key" in [column[0] for column in columns]:
                keys |= {key for (key,) in connection.execute(KEYS, [str(path)]).fetchall()}
    if not keys:
        return scratch
    from tribolake.oil.wording.objections import objections  # noqa: PLC0415 - guards take a while to import

    cache, kept = open_wordings(settings), open_wordings(scratch)
    # The first of each key that the guards of today take: that is what the run showed, unless they changed since.
    shown = cache.find(keys, objections)
    kept.keep_all(shown.values())
    # Also one that is refused by now says how the run was set.
    said = next((wording.configuration for wording in (shown or cache.find(keys)).values()), None)
    if said is None:
        return scratch
    as_then = {"ai_model": said.model, "ai_temperature": said.temperature, "language": said.language}
    return scratch.changed(**as_then)
