"""What follows a publication: silver, its delta, the history and the log of changes.

Everything here is computed beforehand and stands in the version folder, so each step can be done again. A run that was
killed in between is made good by the next one, which settles what is published before it looks at its own data.
"""

from __future__ import annotations

import duckdb

from tribolake.publish.change_log import log_changes
from tribolake.publish.contract import MANIFEST
from tribolake.publish.delta import merge_delta
from tribolake.publish.files import place_file, sync_folder
from tribolake.publish.history import apply_retention, keep_snapshot
from tribolake.publish.places import Places
from tribolake.publish.version import CHANGES_FILE, DELTA_FILE, HARMONIZED_FILE, Version


def settle(connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
    """Bring everything in line with the version that readers can read; what is in line already is not touched.

    What is found done is synced all the same: who did it may have been killed before it was on the disk.
    """
    sync_folder(places.gold)
    if (version.folder / CHANGES_FILE).exists():  # versions from before there was a log have none
        delta = version.folder / DELTA_FILE
        merge_delta(connection, places.root, delta, version.run_id, places.delta(version.day))
        place_file(version.folder / HARMONIZED_FILE, places.harmonized, places.root)
    # For those who ask later what a run's gold was computed from.
    place_file(version.folder / MANIFEST, places.lineage(version.run_id), places.root)
    keep_snapshot(places, version)
    apply_retention(places)
    if (version.folder / CHANGES_FILE).exists():
        log_changes(connection, places.root, places.change_log, version.folder / CHANGES_FILE)
