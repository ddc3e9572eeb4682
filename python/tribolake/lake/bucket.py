"""A lake in a bucket. Bronze is read from S3. Publications are made in a local folder, then stored in the bucket."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import compress
from pathlib import Path

from tribolake.errors import StoreUnavailable
from tribolake.lake.addresses import address_of
from tribolake.lake.bronze import BronzeFile, Listing, partition_date
from tribolake.lake.content import Content, ContentArchived, ContentTooLarge, ObjectAddress, OpenContent
from tribolake.lake.folder import FolderLake
from tribolake.lake.inbox import Inbox
from tribolake.lake.listing import WholeListing, listing_starts, read_whole_listing, write_whole_listing
from tribolake.lake.store import ObjectStore
from tribolake.lake.store_errors import ObjectArchived, ObjectTooLarge
from tribolake.lake.stored import StoredObject

THREADS = 16
PLACE = "bucket:"  # how stamps of versions in a bucket begin
# Objects that a reading process may fetch. Workbooks are passed to it, so that it needs no network for them.
FETCHED = (".parquet", ".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class BucketLake:
    """`s3://{bucket}/{prefix}/bronze/{client}/[{date}/]{file}`, or files of another inbox.

    `root` is the folder where publications are made. `state` is this machine's folder for the last listing.
    """

    store: ObjectStore
    root: Path
    prefix: str
    state: Path
    inbox: Inbox | None = None

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        return self.look(whole=whole).files

    def look(self, *, whole: bool = False) -> Listing:
        """List the bronze files that may be new, in the order of their keys: see `lake/listing.py`."""
        inbox = self.inbox or Inbox.below(self.prefix)
        bronze = f"{inbox.folder}/"
        now = datetime.now(UTC)
        recent = None if whole else listing_starts(read_whole_listing(self.state), now)
        if recent is None:
            listed = list(self.store.list(bronze))
            clients = {inbox.above_dates(stored.key.removeprefix(bronze).split("/")) for stored in listed}
            write_whole_listing(self.state, WholeListing(now.isoformat(), len(listed), tuple(sorted(clients))))
        else:
            listed = [
                stored
                for folder, since in [*recent, *self._new_folders(inbox, bronze, [folder for folder, _ in recent])]
                for stored in self.store.list(f"{bronze}{folder}/", start_after=f"{bronze}{folder}/{since}")
            ]
        files, passed_over = [], Counter[str]()
        ignored_folders = set()
        for stored in listed:
            *folders, name = parts = stored.key.removeprefix(bronze).split("/")
            place = next((place for place, part in enumerate(parts) if inbox.kind_of_ignored([part])), None)
            if place is None and folders and name:
                files.append(_bronze_file(stored, folders))
            elif place is not None and (found := tuple(parts[: place + 1])) not in ignored_folders:
                ignored_folders.add(found)
                passed_over[inbox.kind_of_ignored(found) or ""] += 1
        return Listing(files, dict(sorted(passed_over.items())))

    def _new_folders(self, inbox: Inbox, bronze: str, known: Sequence[str]) -> list[tuple[str, str]]:
        """Find folders above date folders that came since the last whole listing. A call lists 1 000 of them.

        Clients are declared, so the folder of a new one may wait for the next whole listing. What is below may not.
        """
        if inbox.depth == 1:
            return []
        found = sorted(self.store.folders(bronze))
        for _ in range(inbox.depth - 1):
            found = [f"{above}/{name}" for above in found for name in sorted(self.store.folders(f"{bronze}{above}/"))]
        return [(folder, "") for folder in found if folder not in known]

    def is_at_rest(self, key: str) -> bool:
        """Return True: a listed object is complete."""
        return True

    def archived(self, keys: Sequence[str]) -> frozenset[str]:
        with ThreadPoolExecutor(min(len(keys), THREADS)) as threads:
            return frozenset(compress(keys, threads.map(self.store.is_archived, keys)))

    def content(self, file: BronzeFile) -> ObjectContent:
        return ObjectContent(file.key, file.size_bytes, self.store, file.version.removeprefix(PLACE))


def _bronze_file(stored: StoredObject, folders: Sequence[str]) -> BronzeFile:
    return BronzeFile(
        folders[0].lower(),
        stored.key,
        stored.size_bytes,
        stored.modified_at,
        partition_date(folders[1:]),
        f"{PLACE}{stored.etag}",
    )


@dataclass(frozen=True)
class ObjectContent:
    """The content of an object. It is fetched or streamed into memory and never written to disk.

    `etag` is that of the listing. It is empty if the object was not listed now.
    """

    key: str
    size: int
    store: ObjectStore = field(compare=False)
    etag: str = field(default="", compare=False)

    def size_bytes(self) -> int:
        return self.size

    def address(self, max_bytes: int) -> ObjectAddress | None:
        if not self.etag or not self.key.lower().endswith(FETCHED):
            return None
        try:
            address = address_of(self.store, self.key, self.etag)
        except StoreUnavailable as error:
            raise OSError(str(error)) from error
        if address is not None and address.size_bytes > max_bytes:
            raise ContentTooLarge(address.size_bytes)
        if address is not None:
            self.store.count("GetObject")  # of the process that gets the address
        return address

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        with open(os.memfd_create("bronze"), "w+b") as memory:  # noqa: PTH123 - a file without a path
            try:
                stored = self.store.get(self.key, memory, max_bytes=max_bytes)
            except ObjectTooLarge as error:
                raise ContentTooLarge(error.size_bytes) from error
            except ObjectArchived as error:
                raise ContentArchived(str(error)) from error
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

    def address(self, max_bytes: int) -> None:
        """Return None: the file has a path."""

    @contextmanager
    def open(self, max_bytes: int) -> Iterator[OpenContent]:
        with self.file.open(max_bytes) as content:
            if content.size_bytes == 0:  # the size of files of the system, which may never end
                yield content
                return
            try:
                stored = self.store.put_if_new(self.key, content.path)
            except StoreUnavailable as error:
                raise OSError(str(error)) from error
            yield replace(content, version_id=stored.version_id)
