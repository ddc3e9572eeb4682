"""Objects in a folder that are written once."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tribolake.oil.wording.cache.names import KEY, PLACES, Place
from tribolake.oil.wording.cache.write_once import Gone, Kept, Unreadable
from tribolake.publish.files import make_folder, sync_folder

# Longer than any writer takes between the first byte and the link.
DEAD_AFTER_SECONDS = 24 * 3600.0
PARTIAL = ".partial"
# What opening says of something that is there and is no file. All else is trouble of the disk or of this process.
NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
READABLE_BY_ALL = 0o644


@dataclass(frozen=True)
class FolderObjects:
    """Objects below `home`; `root` is the lake's folder, which is there.

    A finished file gets its name by a link, which fails where the name is taken: of several writers one succeeds.
    """

    root: Path
    home: Path

    def listing(self, prefix: str) -> list[Kept]:
        version, _, key = prefix.rpartition("/")
        if KEY.fullmatch(key):
            return self._places_taken(version, key)
        folder = self.home / prefix.rpartition("/")[0]
        names = (path.relative_to(self.home).as_posix() for path in _files_below(folder))
        return [Kept(name) for name in sorted(names) if name.startswith(prefix)]

    def _places_taken(self, version: str, key: str) -> list[Kept]:
        """The names of one key are few; to look at the whole folder would take longer with each wording."""
        names = [Place(version, key, number).name for number in range(1, PLACES + 1)]
        found = [Kept(name) for name in names if os.path.lexists(self.home / name)]
        if found:
            sync_folder(self.home / version)
        return found

    def read(self, kept: Kept, max_bytes: int) -> bytes:
        try:
            # Neither where a link leads, nor for ever from a pipe.
            descriptor = os.open(self.home / kept.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise Gone(kept.name) from error
        except OSError as error:
            if error.errno in NO_FILE:
                raise Unreadable(str(error)) from error
            raise  # to take it for unusable would give its key another wording
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Unreadable("it is no file")
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise Unreadable(f"it has more than {max_bytes} bytes")
        return content

    def put(self, name: str, content: bytes) -> Kept | None:
        path = self.home / name
        make_folder(path.parent, self.root)
        aside = path.with_name(f".{secrets.token_hex(8)}{PARTIAL}")
        try:
            with aside.open("xb") as file:
                file.write(content)
                file.flush()
                # Whatever the umask: other users of the folder would be kept from a wording that is theirs too.
                os.fchmod(file.fileno(), READABLE_BY_ALL)
                os.fsync(file.fileno())
            try:
                path.hardlink_to(aside)
            except FileExistsError:
                return None
        finally:
            aside.unlink(missing_ok=True)
            # Also of a name that somebody else has made: he may have been killed before he did so.
            sync_folder(path.parent)
        return Kept(name)

    def remove(self, kept: Kept) -> None:
        path = self.home / kept.name
        with suppress(FileNotFoundError):
            path.unlink()
            sync_folder(path.parent)

    def tidy(self) -> None:
        for aside in self.home.rglob(f".*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if time.time() - aside.lstat().st_mtime > DEAD_AFTER_SECONDS:
                    aside.unlink()


def _files_below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those below it, but for those that are not finished."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(Path(entry.path))
        elif not entry.name.startswith("."):
            yield Path(entry.path)
    # After the names were read: what was seen may be published, so it must not be lost any more.
    with suppress(FileNotFoundError):
        sync_folder(folder)
