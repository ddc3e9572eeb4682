"""A lake as one reader sees it: manifests and files are looked up once, however many questions it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tribolake.lake.labels import Label
from tribolake.lake.objects import FolderObjects, ListedObject, Objects, ObjectUnreadable
from tribolake.publish.contract import MANIFEST
from tribolake.trace.held import HeldFiles


@dataclass(frozen=True)
class PinnedObjects:
    """Objects whose manifests do not change while this object lives, whatever is published.

    Versions that manifests name never change, and the one before the current stays. So all that is read through one of
    these comes from one publication of each client. `held` has copies that stay longer. `last_good` has manifests of
    before, which are read in place of damaged ones. `is_cut_off` says that the lake itself cannot be reached.
    """

    objects: Objects
    manifests: dict[str, bytes | None] = field(default_factory=dict)
    fetched: dict[tuple[str, str | None], Path] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=dict)
    held: tuple[HeldFiles, ...] = ()
    last_good: Mapping[str, bytes] = field(default_factory=dict)
    is_cut_off: bool = False

    def again(self) -> PinnedObjects:
        """Return the same for another reader."""
        return replace(self, manifests=dict(self.manifests), fetched={}, listed=dict(self.listed))

    def is_overtaken(self) -> bool:
        """Return whether a manifest is another one by now."""
        return any(manifest_now(self.objects, key) != content for key, content in self.manifests.items())

    @property
    def home(self) -> str:
        return self.objects.home

    def address(self, key: str) -> str:
        return self.objects.address(key)

    def files(self, key: str) -> list[ListedObject]:
        return self.objects.files(key)

    def versions(self, key: str) -> list[ListedObject]:
        return self.objects.versions(key)

    def folders(self, key: str) -> set[str]:
        if key not in self.listed:
            self.listed[key] = self.objects.folders(key)
        return self.listed[key]

    def has(self, key: str, content: bytes) -> bool:
        return self.objects.has(key, content)

    def read(self, key: str, max_bytes: int | None = None, version_id: str | None = None) -> bytes | None:
        if (held := self._held(key)) is not None:
            return FolderObjects(held.parent, "").read(held.name, max_bytes)
        if not key.endswith(f"/{MANIFEST}"):
            return self.objects.read(key, max_bytes, version_id)
        if key in self.last_good:
            return self.last_good[key]
        if key not in self.manifests:
            self.manifests[key] = self.objects.read(key, max_bytes, version_id)
        return self.manifests[key]

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        if (held := self._held(key)) is not None:
            return held
        if (key, sha256) not in self.fetched:
            self.fetched[key, sha256] = self.objects.fetch(key, sha256)
        return self.fetched[key, sha256]

    def _held(self, key: str) -> Path | None:
        return next((path for one in self.held if (path := one.path_of(key)) is not None), None)

    def take(self, key: str, sha256: str, version_id: str | None, path: Path) -> bool:
        return self.objects.take(key, sha256, version_id, path)

    def put(self, key: str, content: bytes) -> None:
        raise NotImplementedError("a reader writes nothing")

    def put_new(self, key: str, content: bytes, label: Label) -> str | None:
        raise NotImplementedError("a reader writes nothing")

    def remove(self, key: str) -> None:
        raise NotImplementedError("a reader removes nothing")

    def tidy(self, key: str) -> None:
        raise NotImplementedError("a reader removes nothing")


def manifest_now(objects: Objects, key: str) -> bytes | None:
    """Return the bytes of a manifest. One that cannot be read is empty, so it counts as damaged."""
    try:
        return objects.read(key)
    except (OSError, ObjectUnreadable):
        return b""
