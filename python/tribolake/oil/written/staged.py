"""Files that were read for pages, kept while the process lives: each number of a report leads to the same file."""

from __future__ import annotations

import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

MOST_FILES = 8


class StagedFiles:
    """At most so many staged files, the last used ones. Several threads may use it."""

    def __init__(self, most: int = MOST_FILES) -> None:
        self._most = most
        self._folder = tempfile.TemporaryDirectory(prefix="tribolake-written-")
        self._files: OrderedDict[str, Path] = OrderedDict()
        self._lock = Lock()

    @property
    def folder(self) -> Path:
        """The folder in which files are made."""
        return Path(self._folder.name)

    @contextmanager
    def hold(self, name: str) -> Iterator[Path | None]:
        """Give a file that stays while the context lasts. Gives None if it is not kept."""
        with self._lock:
            if name in self._files:
                self._files.move_to_end(name)
            yield self._files.get(name)

    def keep(self, name: str, path: Path) -> None:
        """Take over a file of the folder's file system, and remove those that were not used for longest."""
        kept = self.folder / f"{secrets.token_hex(8)}.parquet"
        with self._lock:
            self._remove(self._files.pop(name, None))
            self._files[name] = path.replace(kept)
            while len(self._files) > self._most:
                self._remove(self._files.popitem(last=False)[1])

    def _remove(self, path: Path | None) -> None:
        if path is not None:
            path.unlink(missing_ok=True)
