"""A lake in a bucket: bronze is read from S3; what is published is made in a folder first, and goes there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tribolake.errors import StoreUnavailable
from tribolake.labs.content import ContentTooLarge, FileContent, OpenContent
from tribolake.lake.bronze import NOT_YET_A_FILE, BronzeFile, partition_date
from tribolake.lake.folder import FolderLake
from tribolake.lake.store import ObjectStore, ObjectTooLarge


@dataclass(frozen=True)
class BucketLake:
    """`s3://{bucket}/{prefix}/bronze/{client}/[{date}/]{file}`; `root` is the folder where publications are made."""

    store: ObjectStore
    root: Path
    prefix: str

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    @property
    def address(self) -> str:
        return f"s3://{self.store.bucket}"

    def list_bronze(self) -> list[BronzeFile]:
        """Every file in bronze, in the order of its key."""
        bronze = f"{self.prefix}/bronze/"
        found = []
        for stored in self.store.list(bronze):
            *folders, name = stored.key.removeprefix(bronze).split("/")
            if not folders or not name or NOT_YET_A_FILE.search(name):
                continue
            found.append(
                BronzeFile(
                    folders[0].lower(), stored.key, stored.size_bytes, stored.modified_at, partition_date(folders[1:])
                )
            )
        return found

    def is_at_rest(self, key: str) -> bool:
        """An object is whole from the moment a listing shows it."""
        return True

    def content(self, file: BronzeFile) -> ObjectContent:
        return ObjectContent(file.key, file.size_bytes, self.store)


@dataclass(frozen=True)
class ObjectContent:
    """The content of an object; it is streamed into memory, and never written to the disk."""

    key: str
    size: int
    store: ObjectStore = field(compare=False)

    def size_bytes(self) -> int:
        return self.size

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        with open(os.memfd_create("bronze"), "w+b") as memory:  # noqa: PTH123 - a file without a path
            try:
                stored = self.store.get(self.key, memory, max_bytes=max_bytes)
            except ObjectTooLarge as error:
                raise ContentTooLarge(error.size_bytes) from error
            except StoreUnavailable as error:
                raise OSError(str(error)) from error
            # The process that reads it is another one.
            yield OpenContent(Path(f"/proc/{os.getpid()}/fd/{memory.fileno()}"), stored.version_id)


@dataclass(frozen=True)
class CopiedFolderLake:
    """A lake in a folder, whose bronze is copied to a bucket as it is read."""

    folder: FolderLake
    store: ObjectStore

    @property
    def root(self) -> Path:
        return self.folder.root

    @property
    def home(self) -> Path:
        return self.folder.home

    @property
    def address(self) -> str:
        return self.folder.address

    def list_bronze(self) -> list[BronzeFile]:
        return self.folder.list_bronze()

    def is_at_rest(self, key: str) -> bool:
        return self.folder.is_at_rest(key)

    def content(self, file: BronzeFile) -> CopiedContent:
        return CopiedContent(self.folder.content(file), file.key, self.store)


@dataclass(frozen=True)
class CopiedContent:
    """The content of a file that the bucket is to have too: it is there before the file is read."""

    file: FileContent
    key: str
    store: ObjectStore = field(compare=False)

    def size_bytes(self) -> int:
        return self.file.size_bytes()

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        with self.file.open(max_bytes) as content:
            try:
                stored = self.store.put_if_new(self.key, content.path)
            except StoreUnavailable as error:
                raise OSError(str(error)) from error
            yield OpenContent(content.path, stored.version_id)
