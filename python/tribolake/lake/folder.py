"""A lake in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from tribolake.lake.bronze import BronzeFile, Listing, partition_date
from tribolake.lake.content import Content, FileContent
from tribolake.lake.files import time_of
from tribolake.lake.inbox import Inbox
from tribolake.lake.rest import is_at_rest


@dataclass(frozen=True)
class FolderLake:
    """`{root}/{prefix}/bronze/{client}/[{date}/]{file}`, next to the published folders, or files of another inbox."""

    root: Path
    prefix: str
    follow_links: bool = True
    inbox: Inbox | None = None

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    @property
    def _inbox(self) -> Inbox:
        return self.inbox or Inbox.below(self.prefix)

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        return self.look(whole=whole).files

    def look(self, *, whole: bool = False) -> Listing:
        """List bronze: see `Listing`.

        A link never decides which client a file belongs to. A link to a file is followed if it leads to a file in the
        folder of the same client, unless `follow_links` is off. Links to folders are not entered: what they lead to is
        listed at its own place.
        """
        inbox = self._inbox
        bronze = self.root / inbox.folder
        listing = Listing([])
        if not bronze.is_dir():
            return listing
        passed_over: Counter[str] = Counter()
        place = bronze.stat().st_ino

        def note_unread(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError):  # it was removed since its name was listed
                listing.unread_folders.append(self._key(Path(error.filename).relative_to(bronze).parts))

        for folder, folders, names in os.walk(bronze, onerror=note_unread):
            parts = Path(folder).relative_to(bronze).parts
            for name in list(folders):
                path = Path(folder, name)
                kind = inbox.kind_of_ignored([name])
                if kind:
                    passed_over[kind] += 1
                    folders.remove(name)
                elif path.is_symlink() and not _is_in_client_folder(inbox, bronze, (*parts, name)):
                    listing.skipped_links.append(self._key(parts, name))
            for name in names:
                kind = inbox.kind_of_ignored([name])
                if kind:
                    passed_over[kind] += 1
                    continue
                path = Path(folder, name)
                if path.is_symlink() and not _is_in_client_folder(inbox, bronze, (*parts, name)):
                    listing.skipped_links.append(self._key(parts, name))
                    continue
                stat = _stat_of_file(path) if parts else None
                if stat is None or (path.is_symlink() and not self.follow_links):
                    continue
                listing.files.append(
                    BronzeFile(
                        client=parts[0].lower(),
                        key=self._key(parts, name),
                        size_bytes=stat.st_size,
                        modified_at=time_of(stat.st_mtime),
                        partition_date=partition_date(parts[1:]),
                        # No program can set it. In a copy of the lake, which is another folder, all of them differ.
                        version=f"{place}:{stat.st_ctime_ns}",
                    )
                )
        listing.passed_over.update(sorted(passed_over.items()))
        listing.files.sort(key=lambda found: found.key)
        listing.skipped_links.sort()
        listing.unread_folders.sort()
        return listing

    def _key(self, parts: Sequence[str], *name: str) -> str:
        return _as_text("/".join((self._inbox.folder, *parts, *name)))

    def content(self, file: BronzeFile) -> Content:
        return FileContent(str(self.path(file.key)), file.size_bytes)

    def is_at_rest(self, key: str) -> bool:
        return is_at_rest(self.path(key))

    def archived(self, keys: Sequence[str]) -> frozenset[str]:
        """Return nothing: a folder has no archive."""
        return frozenset()

    def path(self, key: str) -> Path:
        """Return the file of a listed key.

        Raises:
            ValueError: the key leads out of the lake.
        """
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(f"{key!r} is not a key of this lake")
        return self.root / key


def _is_in_client_folder(inbox: Inbox, bronze: Path, parts: Sequence[str]) -> bool:
    """Return whether a link leads to something that is delivered in the folder of the link's client."""
    if len(parts) < 2:
        return False
    own = Path(os.path.realpath(bronze / parts[0]))
    target = Path(os.path.realpath(bronze.joinpath(*parts)))  # unlike resolve, it takes links that lead to themselves
    if not target.is_relative_to(own) or not target.exists():
        return False
    return inbox.kind_of_ignored(target.relative_to(own).parts) is None


def _stat_of_file(path: Path) -> os.stat_result | None:
    """Return the status of a regular file. Returns None for other files, and for files removed since the listing."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat if S_ISREG(stat.st_mode) else None


def _as_text(name: str) -> str:
    """Return a file name as text. Bytes that are not UTF-8 become �: no file has such a key."""
    return os.fsencode(name).decode("utf-8", errors="replace")
