"""Publish in a bucket for the readers of a lake on S3.

    gold/{client}/_versions/{run_id}/…    a complete, checked version; it never changes; its manifest is stored last
    gold/{client}/classified_reports.parquet   and so on: copies for readers of a single file
    gold/{client}/_manifest.json          names the folder of the version; replacing this object publishes

A version is made in a local folder. That folder also keeps the current version, because a new one is compared with it.
A machine with an empty disk downloads the current version first.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from tribolake.errors import ContractBroken
from tribolake.lake.files import make_folder, partial_path, place_file, remove_folder, replace_durably, sha256_of
from tribolake.lake.store import Label, ObjectMissing, ObjectStore, Source
from tribolake.product import VersionedFolder
from tribolake.publish.contract import MANIFEST
from tribolake.publish.in_folder import carry_out, forget_versions, show
from tribolake.publish.places import Places
from tribolake.publish.provenance import label
from tribolake.publish.settling import FileStep, KeepManifest, KeepSnapshot, PlaceFile, RetireSnapshots, settling_steps
from tribolake.publish.version import FOLLOWERS, HARMONIZED_FILE, Version, current_version, files_of

DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")


@dataclass(frozen=True)
class BucketShelf:
    """`root` is the local folder where versions are made. Keys in the bucket are paths below it.

    `assert_lease_held` raises if another run holds the lake now. It is called before each attempt at a change that
    readers see, because retries may outlast the lease.
    `announce` announces a settled version. It may be called again for the same version.
    """

    store: ObjectStore
    root: Path
    home: Path
    assert_lease_held: Callable[[], None] = field(default=lambda: None)
    announce: Callable[[Places, Version], None] = field(default=lambda places, version: None)

    def current(self, places: Places) -> Version | None:
        found = self.store.read(self._key(places.manifest))
        if found is None:
            # Nothing is published in the bucket, so the local file is not what readers see.
            places.harmonized.unlink(missing_ok=True)
            return None
        manifest = json.loads(found[0])
        kept = current_version(places)
        return kept if kept and kept.manifest == manifest else self._fetch(places, manifest)

    def switch(self, places: Places, version: Version) -> None:
        self._publish(places, version)
        show(places, version)

    def settle(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version) -> None:
        self._settle(places, version, lambda step: self._make(connection, places, version, step))
        self.assert_lease_held()
        self.announce(places, version)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        kept = {version.folder.name for version in keep}
        versions = self._folders(places.versions)
        if versions.keys() - kept:
            # The version that readers see stays, even if another machine published it.
            found = self.store.read(self._key(places.manifest))
            kept |= {str(json.loads(found[0])["run_id"])} if found else set()
        self._remove(key for run_id in versions.keys() - kept for key in versions[run_id])
        forget_versions(places, keep)

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        kept = self._key(self.home / versioned.folder / version)
        if self.store.head(f"{kept}/{versioned.last_file}"):
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name == versioned.last_file):
            described = {"computation": versioned.table, versioned.label: version}
            self.store.put(f"{kept}/{path.name}", path, Label(described, described))

    def shows(self, client: str) -> bool:
        """Return True: a check would cost a call in every run. Publishing finds what is missing."""
        return True

    def follow(self, places: Places, version: Version) -> None:
        """Copy the published version of the folder to the bucket (mode `dual`), then compare both.

        Raises:
            ContractBroken: a file in the bucket differs from the folder.
        """
        found = self.store.read(self._key(places.manifest))
        if found is None or json.loads(found[0]) != version.manifest:
            self._publish(places, version)
        self._settle(places, version, lambda step: self._mirror(version, step.path))
        for file in version.manifest["files"]:
            for folder in (places.gold, version.folder):
                stored = self.store.head(self._key(folder / file["name"]))
                if stored is None or (stored.sha256, stored.size_bytes) != (file["sha256"], file["bytes"]):
                    raise ContractBroken(f"{self._key(folder)}/{file['name']} in the bucket differs from the folder")

    def _publish(self, places: Places, version: Version) -> None:
        self.assert_lease_held()
        self._store_version(places, version)
        for table in places.contract.tables:
            self._copy(self._key(version.folder / table.file_name), self._key(places.gold / table.file_name))
        manifest = version.folder / MANIFEST
        self._copy(self._key(manifest), self._key(places.lineage(version.run_id)))
        self._put(self._key(places.manifest), *self._labelled(version, manifest))

    def _fetch(self, places: Places, manifest: dict[str, object]) -> Version:
        """Download the version that readers see, as if it had been made on this machine."""
        run_id = str(manifest["run_id"])
        if not RUN_ID.match(run_id):
            raise ContractBroken(f"{self._key(places.manifest)} names an invalid run: {run_id[:80]!r}")
        folder = places.versions / run_id
        remove_folder(folder)
        make_folder(folder, places.root)
        for name in files_of(places):
            self._fetch_file(folder / name)
        version = Version(folder, manifest)
        for file in version.manifest["files"]:
            if sha256_of(folder / file["name"]) != file["sha256"]:
                raise ContractBroken(f"{self._key(folder)}/{file['name']} differs from the SHA-256 in its manifest")
        show(places, version)
        place_file(folder / HARMONIZED_FILE, places.harmonized, places.root)
        return version

    def _store_version(self, places: Places, version: Version) -> None:
        for path in (version.folder / name for name in files_of(places)):
            if path.exists():
                self.store.put(self._key(path), *self._labelled(version, path), is_final=True)

    def _settle(self, places: Places, version: Version, make: Callable[[FileStep], None]) -> None:
        """Carry out the settling steps. `make` carries out those that make a file of the folder too."""
        history, archive = self._days(places.history), self._days(places.archive)
        snapshot = self._key(places.history / version.day.isoformat())
        history.setdefault(version.day, set()).update(f"{snapshot}/{path.name}" for path in version.gold_files)
        for step in settling_steps(places, version, version.prepared, history.keys(), archive.keys()):
            match step:
                case KeepManifest():
                    pass  # copied before the version was published
                case KeepSnapshot():
                    self._keep_snapshot(places, version)
                case RetireSnapshots(archived, dropped):
                    for day in archived:
                        for key in sorted(history[day], key=_manifest_last):
                            self._copy(key, f"{self._key(places.archive)}/{day}/{key.rpartition('/')[2]}")
                    for day in sorted((*archived, *dropped)):
                        self._remove(history[day])
                case _:
                    make(step)

    def _make(self, connection: duckdb.DuckDBPyConnection, places: Places, version: Version, step: FileStep) -> None:
        """Make a file in the folder and in the bucket. The bucket has the latest state of the file."""
        stored = self.store.head(self._key(step.path))
        before = stored.sha256 if stored else None
        if isinstance(step, PlaceFile):
            if before != sha256_of(step.source):
                self._copy(self._key(step.source), self._key(step.path))
            carry_out(connection, places, version, step)
            return
        if stored and not (step.path.exists() and sha256_of(step.path) == before):
            self._fetch_file(step.path)
            before = sha256_of(step.path)
        carry_out(connection, places, version, step)
        if step.path.exists():
            content, described = self._labelled(version, step.path)
            if content.sha256 != before:
                self._put(self._key(step.path), content, described)

    def _mirror(self, version: Version, path: Path) -> None:
        """Store a file of the folder unless the bucket has the same file."""
        if path.exists():
            self.store.put_if_new(self._key(path), *self._labelled(version, path))

    def _keep_snapshot(self, places: Places, version: Version) -> None:
        """Keep a version as the snapshot of its day. The manifest is copied last, so it marks a complete snapshot."""
        day = self._key(places.history / version.day.isoformat())
        shown = self.store.head(f"{day}/{MANIFEST}")
        if shown is not None and shown.metadata.get("run-id") == version.run_id:
            return
        self._write_athena_links(places, version)
        for path in version.gold_files:
            self._copy(self._key(path), f"{day}/{path.name}")

    def _write_athena_links(self, places: Places, version: Version) -> None:
        """Name the published file of each table for Athena. There a table is a folder, and gold has several files."""
        for table in places.contract.tables:
            published = f"s3://{self.store.bucket}/{self._key(version.folder / table.file_name)}\n"
            self._put(self._key(places.athena(table.name)), published.encode())

    def _fetch_file(self, path: Path) -> None:
        make_folder(path.parent, self.root)
        aside = partial_path(path)
        try:
            with aside.open("w+b") as file:
                self.store.get(self._key(path), file)
        except ObjectMissing:
            aside.unlink()
            if path.name not in FOLLOWERS:  # versions of earlier releases may lack some
                raise
            return
        replace_durably(aside, path)

    def _folders(self, folder: Path) -> dict[str, set[str]]:
        """List a folder of the bucket. Returns keys by the name of the folder below it."""
        below = f"{self._key(folder)}/"
        found: dict[str, set[str]] = defaultdict(set)
        for stored in self.store.list(below):
            found[stored.key.removeprefix(below).partition("/")[0]].add(stored.key)
        return found

    def _days(self, folder: Path) -> dict[date, set[str]]:
        """List the folders that are named by a day."""
        folders = self._folders(folder).items()
        return {date.fromisoformat(name): keys for name, keys in folders if DAY.match(name)}

    def _remove(self, keys: Iterable[str]) -> None:
        """Remove objects, manifests first: a folder without a manifest is not a snapshot."""
        for key in sorted(keys, key=_manifest_last, reverse=True):
            self.store.delete(key, before_each=self.assert_lease_held)

    def _put(self, key: str, content: Source | bytes, described: Label | None = None) -> None:
        self.store.put(key, content, described, before_each=self.assert_lease_held)

    def _copy(self, source: str, key: str) -> None:
        self.store.copy(source, key, before_each=self.assert_lease_held)

    def _labelled(self, version: Version, path: Path) -> tuple[Source, Label]:
        content = Source(path)
        return content, label(version, path.name, content.sha256, self._key(version.folder / MANIFEST))

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _manifest_last(key: str) -> tuple[bool, str]:
    return key.endswith(MANIFEST), key
