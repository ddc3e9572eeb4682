"""Copy the wordings of a run's reports to the lake in which the run is computed again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tribolake.oil.wording.reply import objections
from tribolake.oil.wording.segments import open_wordings
from tribolake.settings import Settings

KEYS = "select distinct cache_key from read_parquet($1) where cache_key is not null"


def lay_out_wordings(settings: Settings, scratch: Settings, reports: Sequence[Path]) -> Settings:
    """Copy wordings from one lake to another.

    Args:
        settings: the source lake.
        scratch: the target lake.
        reports: `classified_reports.parquet` of the run, of each client. Those of earlier releases name no wordings.

    Returns:
        The settings of the target lake, with the model of the run.
    """
    keys: set[str] = set()
    with duckdb.connect() as connection:
        for path in reports:
            columns = connection.execute("select * from read_parquet($1) limit 0", [str(path)]).description or []
            if "cache_key" in [column[0] for column in columns]:
                keys |= {key for (key,) in connection.execute(KEYS, [str(path)]).fetchall()}
    if not keys:
        return scratch
    shown = open_wordings(settings).find(keys, objections)
    open_wordings(scratch).keep_all(shown.values())
    if not shown:
        return scratch
    said = next(iter(shown.values())).configuration
    as_then = {
        "ai_model": said.model,
        "ai_temperature": said.temperature,
        "language": said.language,
        "model_sees_comments": any(json.loads(wording.pattern)["comment"] for wording in shown.values()),
    }
    return scratch.changed(**as_then)
