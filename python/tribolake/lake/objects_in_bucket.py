"""Objects in a bucket. Fetched files are cached on this machine under their SHA-256.

{state}/fetched/{sha256}/{name}    never changes, may be removed at any time
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from tribolake.errors import ContractBroken, StoreUnavailable
from tribolake.lake.files import sha256_of
from tribolake.lake.labels import Label
from tribolake.lake.objects import OVERWRITTEN, ListedObject, ObjectNotFound, ObjectUnreadable
from tribolake.lake.store import ObjectStore, open_store
from tribolake.lake.store_errors import ChecksumMismatch, ObjectMissing, ObjectTooLarge
from tribolake.settings import Settings


@dataclass(frozen=True)
class BucketObjects:
    """Objects in the bucket of `store`. `cache` is the folder of fetched files."""

    store: ObjectStore
    home: str
    cache: Path

    @classmethod
    def of(cls, settings: Settings) -> BucketObjects:
        return cls(open_store(settings), settings.prefix, settings.state / "fetched")

    def address(self, key: str) -> str:
        return f"s3://{self.store.bucket}/{key}"

    def files(self, key: str) -> list[ListedObject]:
        return [ListedObject(stored.key, stored.modified_at) for stored in self.store.list(f"{key}/")]

    def versions(self, key: str) -> list[ListedObject]:
        found = self.store.list_versions(f"{key}/")
        return [ListedObject(stored.key, stored.modified_at, stored.version_id) for stored in found]

    def folders(self, key: str) -> set[str]:
        below = f"{key}/"
        parts = (stored.key.removeprefix(below).partition("/") for stored in self.store.list(below))
        return {name for name, slash, _ in parts if slash}

    def read(self, key: str, max_bytes: int | None = None, version_id: str | None = None) -> bytes | None:
        content = io.BytesIO()
        try:
            self.store.get(key, content, version_id=version_id, max_bytes=max_bytes)
        except ObjectMissing:
            return None
        except ObjectTooLarge as error:
            raise ObjectUnreadable(f"{self.address(key)} has {error.size_bytes} bytes") from error
        except StoreUnavailable as error:
            if isinstance(error.__cause__, ChecksumMismatch):
                raise ObjectUnreadable(f"{self.address(key)}: {error.__cause__}") from error
            raise
        return content.getvalue()

    def has(self, key: str, content: bytes) -> bool:
        described = self.store.head(key)
        if described is None or described.size_bytes != len(content):
            return False
        if described.sha256 is None:  # another program stored it
            return self.read(key) == content
        return described.sha256 == hashlib.sha256(content).hexdigest()

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        if sha256 is None:
            described = self.store.head(key)
            if described is None:
                raise ObjectNotFound(f"{self.address(key)} is not there")
            sha256 = described.sha256
        name = key.rpartition("/")[2]
        if sha256 is not None and _has(self.cache / sha256 / name, sha256):
            return self.cache / sha256 / name
        return self._download(key, name, sha256)

    def take(self, key: str, sha256: str, version_id: str | None, path: Path) -> bool:
        with path.open("w+b") as file:
            try:
                stored = self.store.get(key, file, version_id=version_id)
            except ObjectMissing:
                return False
        if sha256_of(path) != sha256:
            return False
        modified_at = stored.modified_at.timestamp()
        os.utime(path, (modified_at, modified_at))
        return True

    def put(self, key: str, content: bytes) -> None:
        self.store.put(key, content)

    def put_new(self, key: str, content: bytes, label: Label) -> str | None:
        return self.store.put_new(key, content, label).version_id

    def remove(self, key: str) -> None:
        self.store.delete(key)

    def tidy(self, key: str) -> None:
        """Do nothing: an unfinished upload is not an object, and a lifecycle rule removes its parts."""

    def _download(self, key: str, name: str, sha256: str | None) -> Path:
        self.cache.mkdir(parents=True, exist_ok=True)
        # Another process may fetch the same object now. Each writes a file of its own, and either is good.
        aside = self.cache / f".{secrets.token_hex(8)}.partial"
        try:
            with aside.open("w+b") as file:
                self.store.get(key, file)
            found = sha256_of(aside)
            if sha256 is not None and found != sha256:
                raise ContractBroken(OVERWRITTEN.format(address=self.address(key)))
            kept = self.cache / found / name
            kept.parent.mkdir(exist_ok=True)
            return aside.replace(kept)
        except ObjectMissing as error:
            raise ObjectNotFound(f"{self.address(key)} is not there") from error
        finally:
            aside.unlink(missing_ok=True)


def _has(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256
