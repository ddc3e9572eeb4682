"""Publish in a bucket for the readers of a lake on S3.

    gold/{client}/_versions/{run_id}/…    a complete, checked version; it never changes; its manifest is stored last
    gold/{client}/classified_reports.parquet   and so on: copies for readers of a single file
    gold/{client}/_manifest.json          names the folder of the version; replacing this object publishes

A version is made in a local folder. That folder also keeps the current version, because a new one is compared with it.
A machine with an empty disk downloads the current version first.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from hashlib import file_digest, md5
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ContractBroken, StoreUnavailable
from tribolake.lake.files import (
    make_folder,
    partial_path,
    place_file,
    remove,
    replace_durably,
    sha256_of,
    write_durably,
)
from tribolake.lake.labels import Label
from tribolake.lake.store import ObjectStore
from tribolake.lake.store_errors import ChecksumMismatch, ObjectMissing
from tribolake.lake.stored import Source
from tribolake.product import VersionedFolder
from tribolake.publish.announce import MARKER
from tribolake.publish.contract import MANIFEST
from tribolake.publish.history import day_of_name
from tribolake.publish.in_folder import carry_out, forget_versions, require_links, show
from tribolake.publish.manifest import RUN_ID, parse_manifest
from tribolake.publish.places import Places
from tribolake.publish.provenance import label
from tribolake.publish.settling import FileStep, KeepManifest, KeepSnapshot, PlaceFile, RetireSnapshots, settling_steps
from tribolake.publish.verification import ALTERED, Difference, Expected, Problem, compare, expected_in_gold, heal
from tribolake.publish.version import Version, current_version, files_of, silver_file

CALLS_AT_ONCE = 8


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
            # Nothing is published in the bucket, so the local files are not what readers see.
            for table in places.contract.silver:
                places.silver(table).unlink(missing_ok=True)
            return None
        manifest = parse_manifest(found[0]) or self._last_manifest(places)
        if manifest is None:
            return None
        kept = current_version(places)
        if kept and kept.manifest == manifest and not compare(self.root, expected_in_gold(places.gold, manifest)):
            return kept
        return self._fetch(places, manifest)

    def switch(self, places: Places, version: Version) -> None:
        self._publish(places, version)
        show(places, version)

    def settle(
        self,
        connection: duckdb.DuckDBPyConnection,
        places: Places,
        version: Version,
        altered: AbstractSet[str] = frozenset(),
    ) -> None:
        self._settle(places, version, altered, lambda step: self._make(connection, places, version, step))
        self.assert_lease_held()
        self.announce(places, version)

    def heal(self, places: Places, version: Version, folder: Path, names: AbstractSet[str]) -> None:
        heal(places, version, folder, names)
        kept = [self._key(version.folder)]
        day = self._key(places.history / version.day.isoformat())
        if self._run_of(day) == version.run_id:
            kept.append(day)
        for name in sorted(names):
            for below in kept:
                self._copy(self._key(folder / name), f"{below}/{name}")

    def differences(self, places: Places, version: Version | None) -> list[Difference]:
        key = self._key(places.manifest)
        found = self.store.read(key)
        if version is None:
            return [Difference(MANIFEST, key, "altered", self._keep_aside(places, key, "unknown"))] if found else []
        differences = []
        expected = expected_in_gold(places.gold, version.manifest)
        with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
            problems = list(threads.map(lambda one: self._problem_of(one, version.folder / one.name), expected))
        for one, problem in zip(expected, problems, strict=True):
            if problem:
                kept = self._keep_aside(places, self._key(one.path), version.run_id) if problem == "altered" else None
                differences.append(Difference(one.name, self._key(one.path), problem, kept))
        kept_manifest = self.store.read(self._key(places.lineage(version.run_id)))
        if any(parse_manifest(content[0]) != version.manifest for content in (found, kept_manifest) if content):
            differences.append(Difference(MANIFEST, key, "altered", self._keep_aside(places, key, version.run_id)))
        return differences

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        self.forget_objects(places, keep)
        # The lease keeps other machines from the bucket, and no other machine makes versions in this folder.
        forget_versions(places, keep, unpublished_seconds=0)

    def forget_objects(self, places: Places, keep: Sequence[Version]) -> None:
        kept = {version.folder.name for version in keep}
        versions = self._folders(places.versions)
        if versions.keys() - kept:
            # The version that readers see stays, even if another machine published it.
            manifest = self.shown(places)
            kept |= {manifest["run_id"]} if manifest else set()
        ours = files_of(places)
        keys = (key for run_id in versions.keys() - kept for key in versions[run_id])
        self._remove(key for key in keys if key.rpartition("/")[2] in {*ours, MARKER})

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        kept = self._key(self.home / versioned.folder / version)
        if self.store.head(f"{kept}/{versioned.last_file}"):
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name == versioned.last_file):
            described = {"computation": versioned.table, versioned.label: version}
            self.store.put(f"{kept}/{path.name}", path, Label(described, described))

    def shows(self, clients: Sequence[str], *, asks_store: bool = False) -> bool:
        """Look at one published file of one client, by chance: more calls would cost money in every run."""
        if not clients or not asks_store:
            return True
        gold = self.home / "gold" / random.choice(clients)  # noqa: S311 - protects nothing
        manifest = self._manifest(self._key(gold / MANIFEST))
        if manifest is None:
            return False
        one = random.choice(expected_in_gold(gold, manifest))  # noqa: S311
        stored = self.store.head(self._key(one.path))
        return stored is not None and (stored.sha256, stored.size_bytes) == (one.sha256, one.size_bytes)

    def require_links(self) -> None:
        require_links(self.home)

    def shown(self, places: Places) -> dict[str, Any] | None:
        """Read the manifest that readers see. Returns None if it is missing or damaged."""
        return self._manifest(self._key(places.manifest))

    def follow(self, places: Places, version: Version) -> None:
        """Copy the published version of the folder to the bucket (mode `dual`), then compare both.

        Raises:
            ContractBroken: a file in the bucket differs from the folder.
        """
        if self.shown(places) != version.manifest:
            self._publish(places, version)
        self._settle(places, version, frozenset(), lambda step: self._mirror(version, step.path))
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

    def _fetch(self, places: Places, manifest: dict[str, Any]) -> Version:
        """Download the version that readers see, as if it had been made on this machine."""
        folder = places.versions / manifest["run_id"]
        remove(folder)
        make_folder(folder, places.root)
        for name in files_of(places):
            # Versions of earlier releases lack some. `differences` finds others that are missing or altered.
            if name != MANIFEST:
                self._fetch_file(folder / name, is_optional=True)
        write_durably(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
        version = Version(folder, manifest)
        show(places, version)
        for table in places.contract.silver:
            if (folder / silver_file(table)).exists():
                place_file(folder / silver_file(table), places.silver(table), places.root)
        return version

    def _last_manifest(self, places: Places) -> dict[str, Any] | None:
        """Read the kept manifest of the last run: it stands for a published one that is damaged."""
        below = self._key(places.lineage("run").parent)
        last = max((stored.key for stored in self.store.list(f"{below}/")), default=None)
        return self._manifest(last) if last else None

    def _manifest(self, key: str) -> dict[str, Any] | None:
        found = self.store.read(key)
        return parse_manifest(found[0]) if found else None

    def _problem_of(self, expected: Expected, local: Path) -> Problem | None:
        """Compare an object with its manifest. The content is transferred only if its ETag does not tell."""
        key = self._key(expected.path)
        stored = self.store.head(key)
        if stored is None:
            return "missing"
        if stored.size_bytes != expected.size_bytes or stored.sha256 not in (None, expected.sha256):
            return "altered"
        if local.is_file() and sha256_of(local) == expected.sha256 and stored.etag == md5_of(local):
            return None
        try:
            with tempfile.TemporaryFile() as file:
                self.store.get(key, file)
                file.seek(0)
                return None if file_digest(file, "sha256").hexdigest() == expected.sha256 else "altered"
        except ObjectMissing:
            return "missing"
        except StoreUnavailable as error:
            if isinstance(error.__cause__, ChecksumMismatch):
                return "altered"
            raise

    def _keep_aside(self, places: Places, key: str, run_id: str) -> str:
        """Copy an altered object to where no reader looks. Returns the key of the copy."""
        stored = self.store.head(key)
        name = f"{stored.etag[:12] if stored else 'gone'}-{key.rpartition('/')[2]}"
        kept = f"{self._key(places.gold)}/{ALTERED}/{run_id}/{name}"
        self._copy(key, kept)
        return kept

    def _store_version(self, places: Places, version: Version) -> None:
        for path in (version.folder / name for name in files_of(places)):
            if path.exists():
                self.store.put(self._key(path), *self._labelled(version, path), is_final=True)

    def _settle(
        self, places: Places, version: Version, altered: AbstractSet[str], make: Callable[[FileStep], None]
    ) -> None:
        """Carry out the settling steps. `make` carries out those that make a file of the folder too."""
        history, archive = self._days(places.history), self._days(places.archive)
        snapshot = self._key(places.history / version.day.isoformat())
        history.setdefault(version.day, set()).update(f"{snapshot}/{path.name}" for path in version.kept_files)
        for step in settling_steps(places, version, version.prepared - altered, history.keys(), archive.keys()):
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
        try:
            carry_out(connection, places, version, step)
        except ContractBroken:  # the folder has the damaged file aside
            self._remove([self._key(step.path)])
            raise
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
        if self._run_of(day) == version.run_id:
            return
        self._write_athena_links(places, version)
        for path in version.kept_files:
            self._copy(self._key(path), f"{day}/{path.name}")

    def _run_of(self, snapshot: str) -> str | None:
        """Return the run of a snapshot that is complete. Its folder is a key."""
        shown = self.store.head(f"{snapshot}/{MANIFEST}")
        return shown.metadata.get("run-id") if shown else None

    def _write_athena_links(self, places: Places, version: Version) -> None:
        """Name the published file of each table for Athena. There a table is a folder, and gold has several files."""
        for table in places.contract.tables:
            published = f"s3://{self.store.bucket}/{self._key(version.folder / table.file_name)}\n"
            self._put(self._key(places.athena(table.name)), published.encode())

    def _fetch_file(self, path: Path, *, is_optional: bool = False) -> None:
        make_folder(path.parent, self.root)
        aside = partial_path(path)
        try:
            with aside.open("w+b") as file:
                self.store.get(self._key(path), file)
        except ObjectMissing:
            aside.unlink()
            if not is_optional:
                raise
            return
        replace_durably(aside, path)

    def _folders(self, folder: Path) -> dict[str, set[str]]:
        """List a folder of the bucket. Returns keys by the name of the folder below it."""
        below = f"{self._key(folder)}/"
        found: dict[str, set[str]] = defaultdict(set)
        for stored in self.store.list(below):
            name, slash, _ = stored.key.removeprefix(below).partition("/")
            if slash and RUN_ID.match(name):  # others are of other programs
                found[name].add(stored.key)
        return found

    def _days(self, folder: Path) -> dict[date, set[str]]:
        """List the folders that are named by a day."""
        folders = self._folders(folder).items()
        return {day: keys for name, keys in folders if (day := day_of_name(name))}

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


def md5_of(path: Path) -> str:
    """Return the ETag of an object that was sent in one part and is not encrypted with a customer key."""
    with path.open("rb") as file:
        return file_digest(file, lambda: md5(usedforsecurity=False)).hexdigest()


def _manifest_last(key: str) -> tuple[bool, str]:
    return key.endswith(MANIFEST), key
