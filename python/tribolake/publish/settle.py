"""What follows a publication: silver, its delta, the history and the log of changes.

Everything here is computed beforehand and stands in the version folder, so each step can be done again. A run that was
killed in between is made good by the next one, which settles what is published before it looks at its own data.
"""

from __future__ import annotations

import duckdb

from tribolake.publish.change_log import log_changes
from tribolake.publish.contract import MANIFEST
from tribolake.publish.delta import merge_delta
from tribolake.publish.files import (
    fresh_aside,
    link_or_copy,
    make_folder,
    replace_durably,
    sha256_of,
    sync_file,
    sync_folder,
)
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
        _publish_harmonized(places, version)
    keep_lineage(places, version)
    keep_snapshot(places, version)
    apply_retention(places)
    if (version.folder / CHANGES_FILE).exists():
        log_changes(connection, places.root, places.change_log, version.folder / CHANGES_FILE)


def keep_lineage(places: Places, version: Version) -> None:
    """Keep the manifest for those who ask later what a run's gold was computed from."""
    kept = places.lineage(version.run_id)
    make_folder(kept.parent, places.root)
    aside = fresh_aside(kept)
    if not kept.exists():
        link_or_copy(version.folder / MANIFEST, aside)
        replace_durably(aside, kept)
    sync_folder(kept.parent)


def _publish_harmonized(places: Places, version: Version) -> None:
    published, finished = places.harmonized, version.folder / HARMONIZED_FILE
    make_folder(published.parent, places.root)
    aside = fresh_aside(published)
    if published.exists() and sha256_of(published) == sha256_of(finished):
        sync_file(published)
        sync_folder(published.parent)
        return
    link_or_copy(finished, aside)
    replace_durably(aside, published)
