"""Find files that changed although their size and modification time did not.

The store says more of a version: its ETag, or when the system changed the file. The last listing is compared with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from tribolake.lake.bronze import BronzeFile


def ask_for_changed_files(
    warehouse: duckdb.DuckDBPyConnection, files: Sequence[BronzeFile], asked_at: datetime
) -> bool:
    """Have files read again that have another version now. Returns whether there are any.

    A file without a recorded version is not read again: it is from an earlier release. Nor is a file of a lake that was
    copied or moved, for all stamps of a copy are other ones.
    """
    known = dict(warehouse.execute("select file_key, version from control.file_versions").fetchall())
    changed = [file.key for file in files if _is_changed(known.get(file.key), file.version)]
    if changed:
        warehouse.execute("insert or replace into control.retries select unnest(?::varchar[]), ?", [changed, asked_at])
    return bool(changed)


def keep_versions(warehouse: duckdb.DuckDBPyConnection, files: Sequence[BronzeFile]) -> None:
    """Record the versions of listed files."""
    known = dict(warehouse.execute("select file_key, version from control.file_versions").fetchall())
    new = [file for file in files if known.get(file.key) != file.version]
    warehouse.execute(
        "insert or replace into control.file_versions select unnest(?::varchar[]), unnest(?::varchar[])",
        [[file.key for file in new], [file.version for file in new]],
    )


def _is_changed(known: str | None, version: str) -> bool:
    """Return whether two versions are of one place and differ."""
    return known is not None and known != version and known.partition(":")[0] == version.partition(":")[0]
