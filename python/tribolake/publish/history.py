"""The history of a client's gold: one snapshot per day, kept and archived by the retention rules.

gold/{client}/_history/_versions/{run_id}/…    the Parquet files and the manifest, never changed
gold/{client}/_history/{date} -> _versions/{run_id}    the day's last publication
archive/gold/{client}/{date}/…    snapshots that left the history
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from tribolake.errors import ConfigurationError
from tribolake.lake.files import make_folder, place_folder, point_link, real_path, remove, sync_folder
from tribolake.product import Product
from tribolake.publish.contract import MANIFEST
from tribolake.publish.manifest import read_manifest
from tribolake.publish.places import Places
from tribolake.publish.version import Version, current_version, folders_in


def keep_snapshot(places: Places, version: Version) -> None:
    """Keep a published version as the snapshot of its day, in place of an earlier one.

    Readers see the old snapshot or the new one: the folder is complete before the link points to it.
    """
    make_folder(places.history_versions, places.root)
    folder = places.history_versions / version.run_id
    if not folder.exists():
        place_folder(version.kept_files, folder)
    sync_folder(places.history_versions)
    link = places.history / version.day.isoformat()
    target = f"{places.history_versions.name}/{version.run_id}"
    if not link.is_symlink() or str(link.readlink()) != target:
        point_link(link, target)
    sync_folder(places.history)


def retire_snapshots(places: Places, archived: Sequence[date], dropped: Sequence[date]) -> None:
    """Copy the archived days to the archive, then remove the archived and the dropped days from the history."""
    for day in archived:
        _archive(places, day)
    for day in sorted((*archived, *dropped)):
        snapshot = places.history / day.isoformat()
        # Programs that copy a lake may follow its links.
        remove(snapshot)
    sync_folder(places.history)
    linked = {real_path(places.history / day.isoformat()).name for day in days_of(places.history)}
    for folder in folders_in(places.history_versions):
        if folder.name not in linked:  # its day is archived, dropped, or has a later snapshot
            remove(folder)


def published_as_of(product: Product, home: Path, client: str, day: date) -> Path:
    """Find the gold of a client as it was published at the end of a UTC day.

    If retention has dropped the snapshot of that day, the newest earlier one is used. Its manifest says when it was
    published.

    Args:
        product: the data product.
        home: its folder in the lake.
        client: name of the client, as its bronze folder is called.
        day: a day, in UTC.

    Returns:
        A folder with the Parquet files of tables with a history, and the manifest. Its files never change.

    Raises:
        ConfigurationError: there is no gold from that day or before.
    """
    places = Places(product.contract, home, home, client)
    current = current_version(places)
    kept, archived = days_of(places.history), days_of(places.archive)
    found = day_as_of(client, day, current.day if current else None, kept | archived)
    if current and found == current.day:
        return real_path(current.folder)
    return real_path((places.history if found in kept else places.archive) / found.isoformat())


def day_as_of(client: str, day: date, current: date | None, snapshots: Collection[date]) -> date:
    """Find the day whose publication readers saw at the end of a UTC day.

    Args:
        client: for the message of the error.
        day: the requested day.
        current: day of the current publication. None if nothing is published.
        snapshots: days whose last publication is kept.

    Returns:
        `current`, or one of `snapshots`.

    Raises:
        ConfigurationError: there is no gold from that day or before.
    """
    if current and current <= day:
        return current
    found = max((known for known in snapshots if known <= day), default=None)
    if found is None:
        oldest = min({*snapshots} | ({current} if current else set()), default=None)
        advice = f"the oldest gold is of {oldest}" if oldest else "nothing was ever published: run `tribolake run`"
        raise ConfigurationError(f"there is no gold of client {client!r} as of {day}: {advice}")
    return found


def _archive(places: Places, day: date) -> None:
    """Copy a snapshot to the archive. It is removed from the history later, so that readers always find it."""
    snapshot = real_path(places.history / day.isoformat())
    archived = places.archive / day.isoformat()
    make_folder(places.archive, places.root)
    if not (archived.exists() and _run_of(archived) == _run_of(snapshot)):
        place_folder(sorted(path for path in snapshot.iterdir() if path.is_file()), archived)
    sync_folder(places.archive)


def _run_of(folder: Path) -> str | None:
    manifest = read_manifest(folder / MANIFEST)
    return str(manifest["run_id"]) if manifest else None


def days_of(folder: Path) -> set[date]:
    """Return the days of the snapshots in a folder. Other programs leave other names in it."""
    names = (found.name for found in folder.iterdir() if found.is_dir()) if folder.is_dir() else ()
    return {day for day in map(day_of_name, names) if day}


def day_of_name(name: str) -> date | None:
    """Return the day that a snapshot is named after. None if the name is not of a snapshot."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
