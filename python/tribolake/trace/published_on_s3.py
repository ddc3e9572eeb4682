"""What is published in a bucket; files are fetched once, and kept on this machine under their SHA-256.

{state}/fetched/{sha256}/{name}    never changes; may be removed at any time
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from tribolake.errors import ContractBroken
from tribolake.lake.store import ObjectMissing, ObjectStore, open_store
from tribolake.publish.files import sha256_of
from tribolake.settings import Settings
from tribolake.trace.published import NotThere, PublishedFile


@dataclass(frozen=True)
class PublishedOnS3:
    """`cache` is the folder of what was fetched."""

    store: ObjectStore
    home: str
    cache: Path

    @classmethod
    def of(cls, settings: Settings) -> PublishedOnS3:
        return cls(open_store(settings), settings.prefix, settings.state / "fetched")

    def address(self, key: str) -> str:
        return f"s3://{self.store.bucket}/{key}"

    def read(self, key: str) -> bytes | None:
        found = self.store.read(key)
        return found[0] if found else None

    def folders(self, key: str) -> set[str]:
        below = f"{key}/"
        parts = (stored.key.removeprefix(below).partition("/") for stored in self.store.list(below))
        return {name for name, slash, _ in parts if slash}

    def files(self, key: str) -> list[PublishedFile]:
        return [PublishedFile(stored.key, stored.modified_at) for stored in self.store.list(f"{key}/")]

    def fetch(self, key: str, sha256: str | None = None) -> Path:
        if sha256 is None:
            described = self.store.head(key)
            if described is None:
                raise NotThere(f"{self.address(key)} is not there")
            sha256 = described.sha256
        name = key.rpartition("/")[2]
        if sha256 is not None and self._is_kept(self.cache / sha256 / name, sha256):
            return self.cache / sha256 / name
        return self._download(key, name, sha256)

    def _is_kept(self, path: Path, sha256: str) -> bool:
        return path.is_file() and sha256_of(path) == sha256

    def _download(self, key: str, name: str, sha256: str | None) -> Path:
        self.cache.mkdir(parents=True, exist_ok=True)
        # Another process may fetch the same at this moment: each writes aside, and either's file will do.
        aside = self.cache / f".{secrets.token_hex(8)}.partial"
        try:
            with aside.open("w+b") as file:
                self.store.get(key, file)
            found = sha256_of(aside)
            if sha256 is not None and found != sha256:
                raise ContractBroken(f"{self.address(key)} is not what its manifest says: somebody wrote over it")
            kept = self.cache / found / name
            kept.parent.mkdir(exist_ok=True)
            return aside.replace(kept)
        except ObjectMissing as error:
            raise NotThere(f"{self.address(key)} is not there") from error
        finally:
            aside.unlink(missing_ok=True)
