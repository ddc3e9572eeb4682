"""A lake in a bucket: bronze is read from S3; what is published is made in a folder first, and goes there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tribolake.errors import StoreUnavailable
from tribolake.lake.bronze import NOT_YET_A_FILE, BronzeFile, partition_date
from tribolake.lake.content import Content, ContentTooLarge, OpenContent
from tribolake.lake.folder import FolderLake
from tribolake.lake.listing import WholeListing, read_whole_listing, starts, write_whole_listing
from tribolake.lake.store import ObjectStore, ObjectTooLarge, Stored


@dataclass(frozen=True)
class BucketLake:
    """`s3://{bucket}/{prefix}/bronze/{client}/[{date}/]{file}`; `root` is the folder where publications are made.

    `state` is where this machine keeps what it knows of the bucket.
    """

    store: ObjectStore
    root: Path
    prefix: str
    state: Path

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        """The files in bronze that may be new, in the order of their keys: see `lake/listing.py`."""
        bronze = f"{self.prefix}/bronze/"
        now = datetime.now(UTC)
        recent = None if whole else starts(read_whole_listing(self.state), now)
        if recent is None:
            listed = list(self.store.list(bronze))
            clients = {stored.key.removeprefix(bronze).partition("/")[0] for stored in listed}
            write_whole_listing(self.state, WholeListing(now.isoformat(), len(listed), tuple(sorted(clients))))
        else:
            listed = [
                stored
                for client, since in recent
                for stored in self.store.list(f"{bronze}{client}/", start_after=f"{bronze}{client}/{since}")
            ]
        found = (_bronze_file(stored, bronze) for stored in listed)
        return [file for file in found if file is not None]

    def is_at_rest(self, key: str) -> bool:
        """An object is whole from the moment a listing shows it."""
        return True

    def content(self, file: BronzeFile) -> ObjectContent:
        return ObjectContent(file.key, file.size_bytes, self.store)


def _bronze_file(stored: Stored, bronze: str) -> BronzeFile | None:
    """An object as a file of bronze; None where it is none: without a client's folder, or still on its way."""
    *folders, name = stored.key.removeprefix(bronze).split("/")
    if not folders or not name or NOT_YET_A_FILE.search(name):
        return None
    return BronzeFile(
        folders[0].lower(), stored.key, stored.size_bytes, stored.modified_at, partition_date(folders[1:])
    )


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
class CopiedFolderLake(FolderLake):
    """A lake in a folder, whose bronze is copied to a bucket as it is read."""

    store: ObjectStore = field(kw_only=True)

    def content(self, file: BronzeFile) -> CopiedContent:
        return CopiedContent(super().content(file), file.key, self.store)


@dataclass(frozen=True)
class CopiedContent:
    """The content of a file that the bucket is to have too: it is there before the file is read."""

    file: Content
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
