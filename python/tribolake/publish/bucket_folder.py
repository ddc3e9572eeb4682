"""The lake's folder in a bucket: the path of a file below the folder is the key of an object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tribolake.lake.files import make_folder, partial_path, replace_durably
from tribolake.lake.labels import Label
from tribolake.lake.store import ObjectStore
from tribolake.lake.store_errors import ObjectMissing
from tribolake.lake.stored import Source
from tribolake.publish.contract import MANIFEST
from tribolake.publish.history import day_of_name
from tribolake.publish.manifest import RUN_ID, parse_manifest
from tribolake.publish.places import Places
from tribolake.publish.provenance import label
from tribolake.publish.version import Version


@dataclass(frozen=True)
class BucketFolder:
    """`root` is the local folder. `assert_lease_held` is called before each attempt at a change."""

    store: ObjectStore
    root: Path
    assert_lease_held: Callable[[], None]

    def key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def manifest(self, key: str) -> dict[str, Any] | None:
        """Read a manifest. Returns None if it is missing or damaged."""
        found = self.store.read(key)
        return parse_manifest(found[0]) if found else None

    def run_of(self, snapshot: str) -> str | None:
        """Return the run of a snapshot that is complete. Its folder is a key."""
        shown = self.store.head(f"{snapshot}/{MANIFEST}")
        return shown.metadata.get("run-id") if shown else None

    def fetch(self, path: Path, *, is_optional: bool = False) -> None:
        """Download an object to its path, as it is now: another program may have written over it."""
        make_folder(path.parent, self.root)
        aside = partial_path(path)
        try:
            with aside.open("w+b") as file:
                self.store.get(self.key(path), file, may_be_altered=True)
        except ObjectMissing:
            aside.unlink()
            if not is_optional:
                raise
            return
        replace_durably(aside, path)

    def put(self, key: str, content: Source | bytes, described: Label | None = None) -> None:
        self.store.put(key, content, described, before_each=self.assert_lease_held)

    def copy(self, source: str, key: str) -> None:
        self.store.copy(source, key, before_each=self.assert_lease_held)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects, manifests first: a folder without a manifest is not a snapshot."""
        for key in sorted(keys, key=manifest_last, reverse=True):
            self.store.delete(key, before_each=self.assert_lease_held)

    def labelled(self, version: Version, path: Path) -> tuple[Source, Label]:
        """Return the content of a file, and the label of an object that comes from a version."""
        content = Source(path)
        return content, label(version, path.name, content.sha256, self.key(version.folder / MANIFEST))

    def folders(self, folder: Path) -> dict[str, set[str]]:
        """List a folder of the bucket. Returns keys by the name of the folder below it."""
        below = f"{self.key(folder)}/"
        found: dict[str, set[str]] = defaultdict(set)
        for stored in self.store.list(below):
            name, slash, _ = stored.key.removeprefix(below).partition("/")
            if slash and RUN_ID.match(name):  # others are of other programs
                found[name].add(stored.key)
        return found

    def days(self, folder: Path) -> dict[date, set[str]]:
        """List the folders that are named by a day."""
        folders = self.folders(folder).items()
        return {day: keys for name, keys in folders if (day := day_of_name(name))}

    def snapshot(self, places: Places, version: Version) -> str:
        """Return the folder of the snapshot of a version's day, as a key."""
        return self.key(places.history / version.day.isoformat())


def manifest_last(key: str) -> tuple[bool, str]:
    return key.endswith(MANIFEST), key
