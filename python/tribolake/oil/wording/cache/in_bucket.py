"""Objects in a bucket that are written once."""

from __future__ import annotations

from dataclasses import dataclass

from tribolake.lake.store import ObjectMissing, ObjectStore, ObjectTooLarge
from tribolake.lake.versions import ObjectVersion, delete_version, list_versions, put_new, read_version
from tribolake.oil.wording.cache.write_once import Gone, Kept, Unreadable


@dataclass(frozen=True)
class BucketObjects:
    """Objects below `prefix`, which ends with a slash.

    The oldest version of an object is what counts, and a version that is removed leaves no mark: otherwise listings
    would grow with every compaction. No lifecycle rule may remove noncurrent versions here.
    """

    store: ObjectStore
    prefix: str

    def listing(self, prefix: str) -> list[Kept]:
        found = list_versions(self.store, self.prefix + prefix)
        return [Kept(version.key.removeprefix(self.prefix), version.version_id) for version in found]

    def read(self, kept: Kept, max_bytes: int) -> bytes:
        try:
            return read_version(self.store, self._version(kept), max_bytes)
        except ObjectMissing as error:
            raise Gone(kept.name) from error
        except ObjectTooLarge as error:
            raise Unreadable(f"it has {error.size_bytes} bytes") from error

    def put(self, name: str, content: bytes) -> Kept | None:
        stored = put_new(self.store, self.prefix + name, content)
        return Kept(name, stored.version_id) if stored else None

    def remove(self, kept: Kept) -> None:
        delete_version(self.store, self._version(kept))

    def tidy(self) -> None:
        """An upload that did not end is no object, and a lifecycle rule removes its parts."""

    def _version(self, kept: Kept) -> ObjectVersion:
        return ObjectVersion(self.prefix + kept.name, kept.version, 0)
