"""Settling: the steps after a publication, which update silver, the history and the log.

The version folder has everything that the steps need, so each step can be repeated. If a run is killed in between, the
next run repeats all steps. Folders and buckets carry out the same steps.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tribolake.publish.contract import MANIFEST
from tribolake.publish.places import Places
from tribolake.publish.retention import DAILY, WEEKLY, retention
from tribolake.publish.version import CHANGES_FILE, DELTA_FILE, Version, silver_file


@dataclass(frozen=True)
class FileStep:
    """Make the file `path` from a file of the version folder."""

    source: Path
    path: Path


class MergeDelta(FileStep):
    """Merge the rows that a run changed into the file of its day."""


class PlaceFile(FileStep):
    """Publish a finished file under a second name."""


class KeepManifest(FileStep):
    """Keep the manifest permanently: it names the contents that a run's gold was computed from."""


class AppendLog(FileStep):
    """Append a run's changes to the log."""


@dataclass(frozen=True)
class KeepSnapshot:
    """Keep the version as the snapshot of its day, in place of an earlier one."""


@dataclass(frozen=True)
class RetireSnapshots:
    """Copy the archived days to the archive, then remove the archived and the dropped days from the history."""

    archived: tuple[date, ...]
    dropped: tuple[date, ...]


Step = FileStep | KeepSnapshot | RetireSnapshots


def settling_steps(
    places: Places, version: Version, prepared: AbstractSet[str], kept: AbstractSet[date], archived: AbstractSet[date]
) -> list[Step]:
    """List the steps after a publication, in their order.

    Args:
        places: paths of the client's files.
        version: the published version.
        prepared: names of the files in its folder that are as they were written. Versions of early releases have no
            delta, silver or changes.
        kept: days of the snapshots in the history.
        archived: days of the snapshots in the archive.
    """
    steps: list[Step] = [
        MergeDelta(version.folder / DELTA_FILE, places.delta(version.day)),
        *(PlaceFile(version.folder / silver_file(table), places.silver(table)) for table in places.contract.silver),
        KeepManifest(version.folder / MANIFEST, places.lineage(version.run_id)),
        KeepSnapshot(),
        retiring_step(kept | {version.day}, archived),
        AppendLog(version.folder / CHANGES_FILE, places.change_log),
    ]
    return [step for step in steps if _sources(step, version) <= prepared]


def _sources(step: Step, version: Version) -> set[str]:
    """Return the names of the files of the version that a step copies."""
    match step:
        case FileStep(source):
            return {source.name}
        case KeepSnapshot():
            return {path.name for path in version.kept_files}
        case _:
            return set()


def retiring_step(
    kept: AbstractSet[date], archived: AbstractSet[date], daily: int = DAILY, weekly: int = WEEKLY
) -> RetireSnapshots:
    """Apply retention to the days of the history. Nothing is ever removed from the archive."""
    decided = retention(kept | archived, daily, weekly)
    to_archive, to_drop = (tuple(day for day in days if day in kept) for days in (decided.archived, decided.dropped))
    return RetireSnapshots(to_archive, to_drop)
