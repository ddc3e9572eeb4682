"""Publish in a bucket: readers of a lake on S3.

    gold/{client}/_versions/{run_id}/…    complete, checked, never changed; its manifest is stored last
    gold/{client}/classified_reports.parquet   and so on, for readers that look at one file: copies
    gold/{client}/_manifest.json          the one object whose change publishes: it names the folder of the version

A version is made in a folder of this machine, which keeps the current one: what readers see is compared with what they
are to see. A machine whose disk is empty fetches it first.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken
from tribolake.lake.store import Label, ObjectMissing, ObjectStore, Source, Stored
from tribolake.publish.change_log import log_changes
from tribolake.publish.contract import GOLD, MANIFEST
from tribolake.publish.delta import merge_delta
from tribolake.publish.files import (
    fresh_aside,
    make_folder,
    place_file,
    remove_folder,
    replace_durably,
    sha256_of,
)
from tribolake.publish.in_folder import forget_versions, show
from tribolake.publish.places import Places
from tribolake.publish.provenance import label
from tribolake.publish.retention import retention
from tribolake.publish.version import CHANGES_FILE, DELTA_FILE, HARMONIZED_FILE, Version, current_version

DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
FOLLOWERS = (HARMONIZED_FILE, DELTA_FILE, CHANGES_FILE)
# Stored last of a version of limits: a version that has it is complete.
LIMITS_JSON = "stewart_limits.json"


@dataclass(frozen=True)
class BucketShelf:
    """`root` is the folder of this machine where versions are made; keys in the bucket are paths below it.

    `still_mine` raises where another run holds the lake by now; it is asked before each attempt at anything that
    readers notice: a request that is tried again may outlast the lease.
    `announce` tells others of a version that is published and settled; it may be asked again for the same one.
    """

    store: ObjectStore
    root: Path
    home: Path
    still_mine: Callable[[], None] = field(default=lambda: None)
    announce: Callable[[Places, Version], None] = field(default=lambda places, version: None)

    def current(self, places: Places) -> Version | None:
        found = self.store.read(self._key(places.manifest))
        if found is None:
            # What this machine has is not what readers see; a folder that was the lake before keeps its history.
            places.harmonized.unlink(missing_ok=True)
            return None
        manifest = json.loads(found[0])
        kept = current_version(places)
        return kept if kept and kept.manifest == manifest else self._fetch(places, manifest)

    def switch(self, places: Places, version: Version) -> None:
        self._publish(places, version)
        show(places, version)

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        self._merge_delta(connection, places, version)
        self._publish_harmonized(places, version)
        self._keep_snapshot(places, version)
        self._apply_retention(places)
        self._log_changes(connection, places, version)
        self.still_mine()
        self.announce(places, version)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        kept = {version.folder.name for version in keep}
        versions = self._folders(places.versions)
        if versions.keys() - kept:
            # Whoever wrote it: what readers see stays.
            kept |= self._published(places)
        self._remove(stored for run_id in versions.keys() - kept for stored in versions[run_id])
        forget_versions(places, keep)

    def keep_limits(self, version: str, folder: Path) -> None:
        kept = self._key(self.home / "silver" / "stewart_limits" / version)
        if self.store.head(f"{kept}/{LIMITS_JSON}"):
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name == LIMITS_JSON):
            described = {"computation": "stewart_limits", "limits-version": version}
            self.store.put(f"{kept}/{path.name}", path, Label(described, described))

    def shows(self, client: str) -> bool:
        """Asking the bucket would cost a call in every run without news; what is missing is found when publishing."""
        return True

    def follow(self, places: Places, version: Version) -> None:
        """Bring the bucket in line with the folder, where that is the first home, and make sure that they agree.

        Raises:
            ContractBroken: what the bucket has is not what the folder has.
        """
        found = self.store.read(self._key(places.manifest))
        if found is None or json.loads(found[0]) != version.manifest:
            self._publish(places, version)
        for path in (places.delta(version.day), places.harmonized, places.change_log):
            if path.exists():
                source = Source(path)
                self.store.put_if_new(self._key(path), source, self._label(version, path, source))
        self._keep_snapshot(places, version)
        self._apply_retention(places)
        for file in version.manifest["files"]:
            for folder in (places.gold, version.folder):
                stored = self.store.head(self._key(folder / file["name"]))
                if stored is None or (stored.sha256, stored.size_bytes) != (file["sha256"], file["bytes"]):
                    raise ContractBroken(f"{self._key(folder)}/{file['name']} in the bucket is not what the folder has")

    def _publish(self, places: Places, version: Version) -> None:
        self.still_mine()
        self._store_version(places, version)
        for table in GOLD:
            self._copy(self._key(version.folder / table.file_name), self._key(places.gold / table.file_name))
        manifest = version.folder / MANIFEST
        self._copy(self._key(manifest), self._key(places.lineage(version.run_id)))
        source = Source(manifest)
        self._put(self._key(places.manifest), source, self._label(version, manifest, source))

    def _fetch(self, places: Places, manifest: dict[str, object]) -> Version:
        """Have the version that readers see in the folder too, as if it had been made here."""
        run_id = str(manifest["run_id"])
        if not RUN_ID.match(run_id):
            raise ContractBroken(f"{self._key(places.manifest)} names a run that cannot be: {run_id[:80]!r}")
        folder = places.versions / run_id
        remove_folder(folder)
        make_folder(folder, places.root)
        for name in (*(table.file_name for table in GOLD), *FOLLOWERS, MANIFEST):
            self._fetch_file(folder / name)
        version = Version(folder, manifest)
        for file in version.manifest["files"]:
            if sha256_of(folder / file["name"]) != file["sha256"]:
                raise ContractBroken(f"{self._key(folder)}/{file['name']} is not what its manifest says")
        show(places, version)
        place_file(folder / HARMONIZED_FILE, places.harmonized, places.root)
        return version

    def _store_version(self, places: Places, version: Version) -> None:
        """Store a version's files; its manifest last."""
        names = [*(table.file_name for table in GOLD), *FOLLOWERS, MANIFEST]
        for path in (version.folder / name for name in names):
            if path.exists():
                source = Source(path)
                self.store.put(self._key(path), source, self._label(version, path, source), is_final=True)

    def _merge_delta(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        delta, day_file = version.folder / DELTA_FILE, places.delta(version.day)
        if not delta.exists():
            return
        before = self._bring(day_file)
        merge_delta(connection, places.root, delta, version.run_id, day_file)
        self._take(day_file, before, version)

    def _publish_harmonized(self, places: Places, version: Version) -> None:
        finished = version.folder / HARMONIZED_FILE
        if not finished.exists():
            return
        sha256 = sha256_of(finished)
        shown = self.store.head(self._key(places.harmonized))
        if shown is None or shown.sha256 != sha256:
            self._copy(self._key(finished), self._key(places.harmonized))
        place_file(finished, places.harmonized, places.root)

    def _keep_snapshot(self, places: Places, version: Version) -> None:
        """Keep a version as its day's snapshot. Its manifest is copied last: where it is there, the rest is too."""
        day = self._key(places.history / version.day.isoformat())
        shown = self.store.head(f"{day}/{MANIFEST}")
        if shown is not None and shown.metadata.get("run-id") == version.run_id:
            return
        self._lead_athena(places, version)
        for path in version.gold_files:
            self._copy(self._key(path), f"{day}/{path.name}")

    def _lead_athena(self, places: Places, version: Version) -> None:
        """Say which files are Athena's tables of gold: there a table is a folder, and gold's has several files."""
        for table in GOLD:
            published = f"s3://{self.store.bucket}/{self._key(version.folder / table.file_name)}\n"
            self._put(self._key(places.athena(table.name)), published.encode())

    def _apply_retention(self, places: Places) -> None:
        history = _by_day(self._folders(places.history))
        decided = retention(history.keys() | _by_day(self._folders(places.archive)).keys())
        for day in sorted(history.keys() & set(decided.archived)):
            archived = self._key(places.archive / day.isoformat())
            for stored in sorted(history[day], key=_is_manifest):
                self._copy(stored.key, f"{archived}/{stored.key.rpartition('/')[2]}")
        for day in sorted(history.keys() & set(decided.archived + decided.dropped)):
            self._remove(history[day])

    def _log_changes(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        changes = version.folder / CHANGES_FILE
        if not changes.exists():
            return
        before = self._bring(places.change_log)
        log_changes(connection, places.root, places.change_log, changes)
        self._take(places.change_log, before, version)

    def _bring(self, path: Path) -> str | None:
        """Have an object's content at its path; its SHA-256, or None where the bucket does not have it yet."""
        stored = self.store.head(self._key(path))
        if stored is None:
            return None
        if not (path.exists() and sha256_of(path) == stored.sha256):
            self._fetch_file(path)
        return sha256_of(path)

    def _take(self, path: Path, before: str | None, version: Version) -> None:
        """Store a file that was brought, where it has changed since."""
        if not path.exists():
            return
        source = Source(path)
        if source.sha256 != before:
            self._put(self._key(path), source, self._label(version, path, source))

    def _fetch_file(self, path: Path) -> None:
        make_folder(path.parent, self.root)
        aside = fresh_aside(path)
        try:
            with aside.open("w+b") as file:
                self.store.get(self._key(path), file)
        except ObjectMissing:
            aside.unlink()
            if path.name not in FOLLOWERS:  # versions of earlier releases may lack some
                raise
            return
        replace_durably(aside, path)

    def _published(self, places: Places) -> set[str]:
        """The run that readers see; none where nothing is published."""
        found = self.store.read(self._key(places.manifest))
        return {str(json.loads(found[0])["run_id"])} if found else set()

    def _folders(self, folder: Path) -> dict[str, list[Stored]]:
        """What the bucket has in a folder, by the name of the folder below it."""
        below = f"{self._key(folder)}/"
        found: dict[str, list[Stored]] = defaultdict(list)
        for stored in self.store.list(below):
            found[stored.key.removeprefix(below).partition("/")[0]].append(stored)
        return found

    def _remove(self, objects: Iterable[Stored]) -> None:
        """Remove objects, manifests first: a folder that has none is nothing."""
        for stored in sorted(objects, key=_is_manifest, reverse=True):
            self.store.delete(stored.key, before_each=self.still_mine)

    def _put(self, key: str, content: Source | bytes, described: Label | None = None) -> None:
        self.store.put(key, content, described, before_each=self.still_mine)

    def _copy(self, source: str, key: str) -> None:
        self.store.copy(source, key, before_each=self.still_mine)

    def _label(self, version: Version, path: Path, source: Source) -> Label:
        return label(version, path.name, source.sha256, self._key(version.folder / MANIFEST))

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _is_manifest(stored: Stored) -> bool:
    return stored.key.endswith(MANIFEST)


def _by_day(folders: Mapping[str, list[Stored]]) -> dict[date, list[Stored]]:
    """The folders that are called after a day."""
    return {date.fromisoformat(name): objects for name, objects in folders.items() if DAY.match(name)}
