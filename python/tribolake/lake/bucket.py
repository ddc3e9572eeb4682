"""A lake in a bucket. Bronze is read from S3. Publications are made in a local folder, then stored in the bucket."""

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
from tribolake.lake.listing import WholeListing, listing_starts, read_whole_listing, write_whole_listing
from tribolake.lake.store import ObjectStore, ObjectTooLarge, StoredObject


@dataclass(frozen=True)
class BucketLake:
    """`s3://{bucket}/{prefix}/bronze/{client}/[{date}/]{file}`.

    `root` is the folder where publications are made. `state` is this machine's folder for the last listing.
    """

    store: ObjectStore
    root: Path
    prefix: str
    state: Path

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        """List the bronze files that may be new, in the order of their keys: see `lake/listing.py`."""
        bronze = f"{self.prefix}/bronze/"
        now = datetime.now(UTC)
        recent = None if whole else listing_starts(read_whole_listing(self.state), now)
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
        """Return True: a listed object is complete."""
        return True

    def content(self, file: BronzeFile) -> ObjectContent:
        return ObjectContent(file.key, file.size_bytes, self.store)


def _bronze_file(stored: StoredObject, bronze: str) -> BronzeFile | None:
    """Return an object as a bronze file. Returns None outside client folders and for unfinished copies."""
    *folders, name = stored.key.removeprefix(bronze).split("/")
    if not folders or not name or NOT_YET_A_FILE.search(name):
        return None
    return BronzeFile(
        folders[0].lower(), stored.key, stored.size_bytes, stored.modified_at, partition_date(folders[1:])
    )


@dataclass(frozen=True)
class ObjectContent:
    """The content of an object. It is streamed into memory and never written to disk."""

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
            # Another process reads the file, so the path names this process.
            yield OpenContent(Path(f"/proc/{os.getpid()}/fd/{memory.fileno()}"), stored.version_id)


@dataclass(frozen=True)
class CopiedFolderLake(FolderLake):
    """A lake in a folder. Its bronze is copied to a bucket before it is read."""

    store: ObjectStore = field(kw_only=True)

    def content(self, file: BronzeFile) -> CopiedContent:
        return CopiedContent(super().content(file), file.key, self.store)


@dataclass(frozen=True)
class CopiedContent:
    """The content of a file that is copied to the bucket before it is read."""

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
