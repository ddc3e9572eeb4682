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
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import ContractBroken
from tribolake.lake.files import make_folder, place_file, remove, write_durably
from tribolake.lake.labels import Label
from tribolake.lake.store import ObjectStore
from tribolake.product import VersionedFolder
from tribolake.publish.announce import MARKER
from tribolake.publish.bucket_folder import BucketFolder
from tribolake.publish.bucket_verification import differences_in_bucket
from tribolake.publish.contract import MANIFEST
from tribolake.publish.in_folder import forget_versions, require_links, show
from tribolake.publish.manifest import continues, parse_manifest
from tribolake.publish.places import Places, kept_manifest
from tribolake.publish.settling_in_bucket import make_in_both, mirror, settle_in_bucket
from tribolake.publish.verification import Difference, compare, expected_in_gold, heal
from tribolake.publish.version import Version, current_version, files_of, silver_file


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

    @property
    def _bucket(self) -> BucketFolder:
        return BucketFolder(self.store, self.root, self.assert_lease_held)

    def current(self, places: Places) -> Version | None:
        found = self.store.read(self._bucket.key(places.manifest))
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
        bucket = self._bucket
        settle_in_bucket(
            bucket, places, version, altered, lambda step: make_in_both(bucket, connection, places, version, step)
        )
        self.assert_lease_held()
        self.announce(places, version)

    def heal(self, places: Places, version: Version, folder: Path, names: AbstractSet[str]) -> None:
        heal(places, version, folder, names)
        bucket = self._bucket
        kept = [bucket.key(version.folder)]
        day = bucket.snapshot(places, version)
        if bucket.run_of(day) == version.run_id:
            kept.append(day)
        for name in sorted(names):
            for below in kept:
                bucket.copy(bucket.key(folder / name), f"{below}/{name}")

    def differences(self, places: Places, version: Version | None) -> list[Difference]:
        return differences_in_bucket(self._bucket, places, version)

    def forget(self, places: Places, keep: Sequence[Version]) -> None:
        self.forget_objects(places, keep)
        # The lease keeps other machines from the bucket, and no other machine makes versions in this folder.
        forget_versions(places, keep, unpublished_seconds=0)

    def forget_objects(self, places: Places, keep: Sequence[Version]) -> None:
        kept = {version.folder.name for version in keep}
        bucket = self._bucket
        versions = bucket.folders(places.versions)
        if versions.keys() - kept:
            # The version that readers see stays, even if another machine published it.
            manifest = self.shown(places)
            kept |= {manifest["run_id"]} if manifest else set()
        ours = files_of(places)
        keys = (key for run_id in versions.keys() - kept for key in versions[run_id])
        bucket.remove(key for key in keys if key.rpartition("/")[2] in {*ours, MARKER})

    def keep_version(self, versioned: VersionedFolder, version: str, folder: Path) -> None:
        kept = self._bucket.key(self.home / versioned.folder / version)
        if self.store.head(f"{kept}/{versioned.last_file}"):
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name == versioned.last_file):
            described = {"computation": versioned.table, versioned.label: version}
            self.store.put(f"{kept}/{path.name}", path, Label(described, described))

    def shows(self, last: Mapping[str, str | None], *, asks_store: bool = False) -> bool:
        """Look at one published file of one client, by chance: more calls would cost money in every run."""
        if not last or not asks_store:
            return True
        client = random.choice(list(last))  # noqa: S311 - protects nothing
        gold, bucket = self.home / "gold" / client, self._bucket
        manifest = bucket.manifest(bucket.key(gold / MANIFEST))

        def kept(run_id: str) -> dict[str, Any] | None:
            return bucket.manifest(bucket.key(kept_manifest(self.home, client, run_id)))

        if manifest is None or not continues(manifest, last[client], kept):
            return False
        one = random.choice(expected_in_gold(gold, manifest))  # noqa: S311
        stored = self.store.head(bucket.key(one.path))
        return stored is not None and (stored.sha256, stored.size_bytes) == (one.sha256, one.size_bytes)

    def require_links(self) -> None:
        require_links(self.home)

    def shown(self, places: Places) -> dict[str, Any] | None:
        """Read the manifest that readers see. Returns None if it is missing or damaged."""
        return self._bucket.manifest(self._bucket.key(places.manifest))

    def follow(self, places: Places, version: Version) -> None:
        """Copy the published version of the folder to the bucket (mode `dual`), then compare both.

        Raises:
            ContractBroken: a file in the bucket differs from the folder.
        """
        bucket = self._bucket
        if self.shown(places) != version.manifest:
            self._publish(places, version)
        settle_in_bucket(bucket, places, version, frozenset(), lambda step: mirror(bucket, version, step.path))
        for file in version.manifest["files"]:
            for folder in (places.gold, version.folder):
                key = bucket.key(folder / file["name"])
                stored = self.store.head(key)
                if stored is None or (stored.sha256, stored.size_bytes) != (file["sha256"], file["bytes"]):
                    raise ContractBroken(f"{key} in the bucket differs from the folder")

    def _publish(self, places: Places, version: Version) -> None:
        self.assert_lease_held()
        self._store_version(places, version)
        bucket = self._bucket
        for table in places.contract.tables:
            bucket.copy(bucket.key(version.folder / table.file_name), bucket.key(places.gold / table.file_name))
        manifest = version.folder / MANIFEST
        bucket.copy(bucket.key(manifest), bucket.key(places.lineage(version.run_id)))
        bucket.put(bucket.key(places.manifest), *bucket.labelled(version, manifest))

    def _fetch(self, places: Places, manifest: dict[str, Any]) -> Version:
        """Download the version that readers see, as if it had been made on this machine."""
        folder = places.versions / manifest["run_id"]
        remove(folder)
        make_folder(folder, places.root)
        for name in files_of(places):
            # Versions of earlier releases lack some. `differences` finds others that are missing or altered.
            if name != MANIFEST:
                self._bucket.fetch(folder / name, is_optional=True)
        write_durably(folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
        version = Version(folder, manifest)
        show(places, version)
        for table in places.contract.silver:
            if (folder / silver_file(table)).exists():
                place_file(folder / silver_file(table), places.silver(table), places.root)
        return version

    def _last_manifest(self, places: Places) -> dict[str, Any] | None:
        """Read the kept manifest of the last run: it stands for a published one that is damaged."""
        below = self._bucket.key(places.lineage("run").parent)
        last = max((stored.key for stored in self.store.list(f"{below}/")), default=None)
        return self._bucket.manifest(last) if last else None

    def _store_version(self, places: Places, version: Version) -> None:
        for path in (version.folder / name for name in files_of(places)):
            if path.exists():
                self.store.put(self._bucket.key(path), *self._bucket.labelled(version, path), is_final=True)
