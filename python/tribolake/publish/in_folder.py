"""Publish in a folder for the readers of a lake on a disk.

    gold/{client}/_versions/{run_id}/…          a complete, checked, durable version
    gold/{client}/_current -> _versions/{run_id}    replacing this link publishes
    gold/{client}/classified_reports.parquet -> _current/classified_reports.parquet   and so on, made once

A reader that opens a published name gets the old files or the new files, even if a run is killed.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tribolake.errors import RunFailed
from tribolake.lake.files import place_file, point_link, protect, real_path, remove, sync_folder
from tribolake.product import VersionedFolder
from tribolake.publish.change_log import log_changes
from tribolake.publish.contract import MANIFEST
from tribolake.publish.delta import merge_delta
from tribolake.publish.history import days_of, keep_snapshot, retire_snapshots
from tribolake.publish.places import Places
from tribolake.publish.settling import (
    AppendLog,
    KeepManifest,
    KeepSnapshot,
    MergeDelta,
    PlaceFile,
    RetireSnapshots,
    Step,
    settling_steps,
)
from tribolake.publish.verification import Difference, differences_in_folder, heal, keep_aside, sampled_difference
from tribolake.publish.version import Version, current_version, files_of, folders_in

NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
UNPUBLISHED_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class FolderShelf:
    """`root` is the folder of the lake, `home` the folder of the data product in it.

    `assert_lease_held` raises if another machine may write to the lake now. It is asked before each visible change.
    """

    root: Path
    home: Path
    assert_lease_held: Callable[[], None] = lambda: None

    def current(self, places: Places) -> Version | None:
        return current_version(places)

    def switch(self, places: Places, version: Version) -> None:
        show(places, version, self.assert_lease_held)

    def settle(
        self,
        connection: duckdb.DuckDBPyConnection,
        places: Places,
        version: Version,
        altered: AbstractSet[str] = frozenset(),
    ) -> None:
        settle(connection, places, version, altered, self.assert_lease_held)

    def heal(self, places: Places, version: Version, folder: Path, names: AbstractSet[str]) -> None:
        self.assert_lease_held()
        heal(places, version, folder, names)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        self.assert_lease_held()
        forget_versions(places, keep)

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        """Do nothing: the caller renames the folder."""

    def differences(self, places: Places, version: Version | None) -> list[Difference]:
        return keep_aside(places, version, differences_in_folder(places, version))

    def shows(self, last: Mapping[str, str | None], *, asks_store: bool = False) -> bool:
        return not sampled_difference(self.home, last)

    def require_links(self) -> None:
        require_links(self.home)


def require_links(folder: Path) -> None:
    """Check that a folder can have symbolic links, and that renaming replaces them.

    Raises:
        RunFailed: it cannot. Nothing could be published there.
    """
    tried = folder / f".{secrets.token_hex(8)}.link"
    following = tried.with_suffix(".next")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tried.symlink_to("_versions/old")
        following.symlink_to("_versions/new")
        following.replace(tried)
        if not tried.is_symlink():
            raise OSError(errno.ENOTSUP, "links become files")
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise RunFailed(f"{folder} cannot be written to, so nothing can be published: {error}") from error
        raise RunFailed(
            f"{folder} cannot hold gold, which is published by a symbolic link ({error.strerror}). Put the"
            " lake on a file system with symbolic links: a local disk, NFS, or CIFS mounted with mfsymlinks."
            " Or use a bucket (docs/operations.md, Network mounts)"
        ) from error
    finally:
        for path in (tried, following):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def show(places: Places, version: Version, before_each: Callable[[], None] = lambda: None) -> None:
    """Point every published name to a version in one step. `before_each` is called before each link is replaced."""
    for name in (*(table.file_name for table in places.contract.tables), MANIFEST):
        link, target = places.gold / name, f"_current/{name}"
        if not (link.is_symlink() and str(link.readlink()) == target):
            before_each()
            point_link(link, target)
    before_each()
    point_link(places.gold / "_current", f"{places.versions.name}/{version.run_id}")


def settle(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    version: Version,
    altered: AbstractSet[str],
    before_each: Callable[[], None],
) -> None:
    """Carry out the settling steps in a folder, and call `before_each` before each.

    A step syncs work that is done already, because a killed run may not have synced it.
    """
    sync_folder(places.gold)
    for folder in (version.folder, *folders_in(places.history_versions)):
        for path in folder.iterdir():  # files of earlier releases can be written
            if path.is_file():
                protect(path)
    for step in settling_steps(
        places, version, version.prepared - altered, days_of(places.history), days_of(places.archive)
    ):
        before_each()
        carry_out(connection, places, version, step)


def carry_out(connection: duckdb.DuckDBPyConnection, places: Places, version: Version, step: Step) -> None:
    match step:
        case MergeDelta(source, path):
            merge_delta(connection, places.contract.samples, places.root, source, version.run_id, path)
        case PlaceFile(source, path):
            place_file(source, path, places.root)
        case KeepManifest(source, path):
            place_file(source, path, places.root, is_copy=True)
        case KeepSnapshot():
            keep_snapshot(places, version)
        case RetireSnapshots(archived, dropped):
            retire_snapshots(places, archived, dropped)
        case AppendLog(source, path):
            log_changes(connection, places.root, path, source)


def forget_versions(places: Places, keep: Sequence[Version], unpublished_seconds: float = UNPUBLISHED_SECONDS) -> None:
    """Remove superseded versions: published earlier, or left by a run that was killed some time ago.

    Versions in `keep` stay, because readers may have them open. The one that `_current` names stays, and younger ones
    that were not published. Another machine may have made them.
    """
    kept = {version.folder.name for version in keep} | {real_path(places.gold / "_current").name}
    made_at = max((version.folder.stat().st_mtime for version in keep), default=0.0)  # by the clock of the disk
    ours = set(files_of(places))
    for folder in folders_in(places.versions):
        was_published = places.lineage(folder.name).exists()
        is_old = made_at - folder.stat().st_mtime >= unpublished_seconds
        names = {path.name for path in folder.iterdir()}
        is_left = is_old and (not names or bool(names & ours))
        if folder.name not in kept and (was_published or is_left):
            remove(folder)
