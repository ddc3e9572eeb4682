"""A lake in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG

from tribolake.lake.bronze import NOT_YET_A_FILE, BronzeFile, partition_date
from tribolake.lake.content import Content, FileContent
from tribolake.lake.rest import is_at_rest


@dataclass(frozen=True)
class FolderLake:
    """`{root}/{prefix}/bronze/{client}/[{date}/]{file}`, next to the published folders."""

    root: Path
    prefix: str
    follow_links: bool = True

    @property
    def home(self) -> Path:
        return self.root / self.prefix

    def list_bronze(self, *, whole: bool = False) -> list[BronzeFile]:
        """List every bronze file in the order of the keys.

        Links to files and folders elsewhere are followed unless `follow_links` is off. Each folder is entered once.
        """
        bronze = self.home / "bronze"
        if not bronze.is_dir():
            return []
        return sorted(self._walk(bronze), key=lambda found: found.key)

    def content(self, file: BronzeFile) -> Content:
        return FileContent(str(self.path(file.key)))

    def is_at_rest(self, key: str) -> bool:
        return is_at_rest(self.path(key))

    def path(self, key: str) -> Path:
        """Return the file of a listed key.

        Raises:
            ValueError: the key leads out of the lake.
        """
        if ".." in key.split("/") or key.startswith("/"):
            raise ValueError(f"{key!r} is not a key of this lake")
        return self.root / key

    def _walk(self, bronze: Path) -> Iterator[BronzeFile]:
        entered: set[Path] = set()
        for folder, folders, names in os.walk(bronze, followlinks=self.follow_links):
            if Path(folder).resolve() in entered:  # a link to a parent folder would never end
                folders.clear()
                continue
            entered.add(Path(folder).resolve())
            parts = Path(folder).relative_to(bronze).parts
            for name in names if parts else []:
                path = Path(folder, name)
                stat = _stat_of_file(path)
                if stat is None or NOT_YET_A_FILE.search(name) or (path.is_symlink() and not self.follow_links):
                    continue
                yield BronzeFile(
                    client=parts[0].lower(),
                    key=_as_text("/".join((self.prefix, "bronze", *parts, name))),
                    size_bytes=stat.st_size,
                    modified_at=datetime.fromtimestamp(stat.st_mtime, UTC),
                    partition_date=partition_date(parts[1:]),
                )


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
