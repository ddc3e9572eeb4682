"""Claims on a lake in a folder: small files, with which runs on several machines agree who writes.

`lake/lease.py` has the rules. Here is what it asks of a store, done with files. The clock is that of the disk, which is
the server's for a mounted folder: a file's time of modification is set when it is written.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tribolake.errors import StoreUnavailable
from tribolake.lake.files import make_folder, parse_json, read_regular, time_of

TIMEOUT_SECONDS = 10.0  # a request to a mounted folder that takes longer is of a lost connection
BOOT, NAMESPACE = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class StoredClaim:
    """A claim. `modified_at` is by the clock of the disk."""

    key: str
    modified_at: datetime


@dataclass(frozen=True)
class FolderClaims:
    """Claims in a folder, as `Lease` uses them."""

    folder: Path
    timeout_seconds: float = TIMEOUT_SECONDS

    def put(self, key: str, content: bytes, before_each: Callable[[], None] = lambda: None) -> StoredClaim:
        """Write a claim, complete under its name.

        Raises:
            StoreUnavailable: the folder cannot be written to.
        """
        path = self.folder / key
        aside = path.with_name(f".{key}.{secrets.token_hex(4)}")
        before_each()
        try:
            if not self.folder.is_dir():  # what another program put in its place is renamed
                make_folder(self.folder, self.folder.parent.parent)
            self.folder.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(content)
            aside.replace(path)
            return _stored(path)
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be written to: {error}") from error

    def list(self, prefix: str) -> list[StoredClaim]:
        """List the claims of others and the own one.

        Raises:
            StoreUnavailable: the folder cannot be listed.
        """
        found = []
        try:
            for path in sorted(path for path in self.folder.glob(f"{prefix}*.json") if path.is_file()):
                with suppress(FileNotFoundError):
                    found.append(_stored(path))
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be listed: {error}") from error
        return found

    def read(self, key: str) -> tuple[bytes, StoredClaim] | None:
        """Return the content of a claim. None if there is no such claim.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        try:
            return read_regular(self.folder / key), _stored(self.folder / key)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be read: {error}") from error

    def delete(self, key: str) -> None:
        try:
            (self.folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be written to: {error}") from error


def this_process() -> dict[str, object]:
    """Describe this process, so that others see who holds a lake, and whether the process is still there."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "space": _space(), "started": _started(os.getpid())}


def _stored(path: Path) -> StoredClaim:
    return StoredClaim(path.name, time_of(path.stat().st_mtime))


def has_ended(content: bytes) -> bool:
    """Return True if the process of a claim is known to be gone: only its own machine can know."""
    try:
        claim = parse_json(content)
        pid, space, started = int(claim["pid"]), claim["space"], claim["started"]
    except (ValueError, KeyError, TypeError):
        return False
    return space is not None and space == _space() and started is not None and started != _started(pid)


def may_live(about: Mapping[str, Any]) -> bool:
    """Return whether a process that described itself may still be there. Of another machine nobody here can know.

    After a restart of the machine, or of a container that keeps its name, another process has its number.
    """
    if about["host"] != socket.gethostname():
        return True
    if about.get("space") is None:  # noted by an earlier release, or by a system that does not tell
        return process_exists(about["pid"])
    return bool(about["space"] == _space() and about["started"] == _started(about["pid"]))


def process_exists(pid: int) -> bool:
    """Return True if a process of this machine has this id."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _space() -> str | None:
    """Return the name of the space in which a process has its number: this boot of the machine, and the container."""
    try:
        return f"{BOOT.read_text().strip()} {NAMESPACE.readlink()}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot. None if there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
