"""The warehouse in the lake: a run saves it there, so that the next run can continue on any machine.

{prefix}/_state/warehouse/{run_id}.{sha256}.duckdb    the warehouse after a run, never changes
{prefix}/_state/checkpoint.json                       names the current one, changed last
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tribolake.errors import RunFailed, StoreUnavailable
from tribolake.lake.files import read_regular, write_aside
from tribolake.lake.store import ObjectStore

# With these files another machine does not repeat notifications and listings.
from tribolake.lake.store_errors import ChecksumMismatch, ObjectMissing

# With these files another machine does not repeat notifications and listings.
from tribolake.lake.stored import Source

# With these files another machine does not repeat notifications and listings.
SMALL_FILES = ("notified.json", "listing.json")
KEPT_WAREHOUSES = 2
ADVICE = (
    "store an earlier version of the object again. Without one, remove {pointer}: the next run then continues the "
    "warehouse of its machine, or builds one from bronze"
)


class Pointer(BaseModel):
    """The current warehouse, as `checkpoint.json` describes it."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    warehouse: str = Field(pattern=r"^[\w.-]+\.duckdb$")
    saved_at: str = ""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(alias="bytes", ge=0)
    files: dict[str, str] = {}


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of a lake. `state` is the state folder of this machine."""

    store: ObjectStore
    prefix: str
    state: Path
    warehouse: Path

    def restore(self) -> bool:
        """Fetch the lake's warehouse unless this machine's one continues it. Returns True if it was fetched.

        Raises:
            StoreUnavailable: it could not be fetched completely, or is not what the last run stored.
        """
        found = self.store.read(self._pointer_key)
        if found is None:
            return False
        try:
            pointer = Pointer.model_validate_json(found[0])
        except ValidationError as error:
            raise self._damaged(self._pointer_key, "not a checkpoint") from error
        base = self._base()
        if self.warehouse.exists() and base is not None and base.warehouse == pointer.warehouse:
            return False
        self.state.mkdir(parents=True, exist_ok=True)
        aside = self.warehouse.with_suffix(".partial")
        self._fetch(pointer, aside)
        self._base_file.unlink(missing_ok=True)
        self.warehouse.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        aside.replace(self.warehouse)
        for name in SMALL_FILES:
            if name in pointer.files:
                write_aside(self.state / name, pointer.files[name])
        write_aside(self._base_file, found[0].decode())
        return True

    def _fetch(self, pointer: Pointer, aside: Path) -> None:
        """Fetch a warehouse into a file, and compare it with the pointer."""
        key = f"{self._warehouses}{pointer.warehouse}"
        with aside.open("w+b") as file:
            try:
                stored = self.store.get(key, file)
            except ObjectMissing as error:
                raise self._damaged(key, "missing") from error
            except StoreUnavailable as error:
                if isinstance(error.__cause__, ChecksumMismatch):
                    raise self._damaged(key, f"not what run {pointer.run_id} stored") from error
                raise
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if (sha256, stored.size_bytes) != (pointer.sha256, pointer.size_bytes):
            aside.unlink()
            raise self._damaged(key, f"not what run {pointer.run_id} stored")

    def _damaged(self, key: str, how: str) -> StoreUnavailable:
        bucket = f"s3://{self.store.bucket}/"
        return StoreUnavailable(f"{bucket}{key} is {how}: {ADVICE.format(pointer=f'{bucket}{self._pointer_key}')}")

    def is_of(self, run_id: str) -> bool:
        """Return True if this machine's warehouse is the lake's, with this run as the last one."""
        base = self._base()
        return base is not None and base.run_id == run_id

    def save(self, run_id: str, assert_lease_held: Callable[[], None] = lambda: None) -> None:
        """Store the closed warehouse in the lake.

        Args:
            run_id: the last run in it.
            assert_lease_held: raises if another run holds the lake now.

        Raises:
            RunFailed: another run may hold the lake. The checkpoint stays as that run has it.
            StoreUnavailable: it could not be stored. The checkpoint before it stays.
        """
        assert_lease_held()
        source = Source(self.warehouse)
        name = f"{run_id}.{source.sha256[:16]}.duckdb"
        stored = self.store.put(f"{self._warehouses}{name}", source, is_final=True)
        files = {}
        for small in SMALL_FILES:
            with suppress(OSError, ValueError):  # absent, or damaged: the next run makes it again
                files[small] = read_regular(self.state / small).decode()
        saved_at = datetime.now(UTC).isoformat()
        pointer = Pointer(
            run_id=run_id, warehouse=name, saved_at=saved_at, sha256=source.sha256, bytes=stored.size_bytes, files=files
        )
        content = pointer.model_dump_json(by_alias=True, indent=1).encode()
        # Storing the warehouse may have taken minutes.
        self.store.put(self._pointer_key, content, before_each=assert_lease_held)
        write_aside(self._base_file, content.decode())
        self._forget_old(stored.key, assert_lease_held)

    def _forget_old(self, kept: str, assert_lease_held: Callable[[], None]) -> None:
        """Remove old warehouses but the last few: another machine may be fetching one."""
        others = [stored for stored in self.store.list(self._warehouses) if stored.key != kept]
        others.sort(key=lambda stored: stored.modified_at)
        for stored in others[: max(0, len(others) - KEPT_WAREHOUSES + 1)]:
            try:
                self.store.delete(stored.key, before_each=assert_lease_held)
            except (StoreUnavailable, RunFailed):
                return  # the next run tries again

    def _base(self) -> Pointer | None:
        """Read the checkpoint that this machine's warehouse continues. Returns None without one."""
        try:
            return Pointer.model_validate_json(read_regular(self._base_file))
        except (OSError, ValidationError):
            return None

    @property
    def _base_file(self) -> Path:
        return self.state / "checkpoint.json"

    @property
    def _pointer_key(self) -> str:
        return f"{self.prefix}/_state/checkpoint.json"

    @property
    def _warehouses(self) -> str:
        return f"{self.prefix}/_state/warehouse/"
