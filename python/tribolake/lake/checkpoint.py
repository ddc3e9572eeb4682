"""The warehouse in the lake: a run saves it there, so that the next run can continue on any machine.

{prefix}/_state/warehouse/{run_id}.{sha256}.duckdb    the warehouse after a run, never changes
{prefix}/_state/checkpoint.json                       names the current one, changed last
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tribolake.errors import RunFailed, StoreUnavailable
from tribolake.lake.store import ObjectStore, Source

# With these files another machine does not repeat notifications and listings.
SMALL_FILES = ("notified.json", "listing.json")
KEPT_WAREHOUSES = 2


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
            StoreUnavailable: it could not be fetched completely.
        """
        found = self.store.read(self._pointer_key)
        if found is None:
            return False
        pointer = json.loads(found[0])
        if self.warehouse.exists() and self._base().get("warehouse") == pointer["warehouse"]:
            return False
        self.state.mkdir(parents=True, exist_ok=True)
        aside = self.warehouse.with_suffix(".partial")
        with aside.open("w+b") as file:
            self.store.get(f"{self._warehouses}{pointer['warehouse']}", file)
        self._base_file.unlink(missing_ok=True)
        self.warehouse.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        aside.replace(self.warehouse)
        for name in SMALL_FILES:
            if name in pointer["files"]:
                (self.state / name).write_text(pointer["files"][name], encoding="utf-8")
        self._base_file.write_bytes(found[0])
        return True

    def is_of(self, run_id: str) -> bool:
        """Return True if this machine's warehouse is the lake's, with this run as the last one."""
        return self._base().get("run_id") == run_id

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
        files = {name: (self.state / name).read_text("utf-8") for name in SMALL_FILES if (self.state / name).exists()}
        pointer: dict[str, Any] = {
            "run_id": run_id,
            "warehouse": name,
            "saved_at": datetime.now(UTC).isoformat(),
            "sha256": stored.sha256,
            "bytes": stored.size_bytes,
            "files": files,
        }
        content = json.dumps(pointer, ensure_ascii=False, indent=1).encode()
        # Storing the warehouse may have taken minutes.
        self.store.put(self._pointer_key, content, before_each=assert_lease_held)
        self._base_file.write_bytes(content)
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

    def _base(self) -> dict[str, Any]:
        """Read the checkpoint that this machine's warehouse continues. Returns an empty mapping without one."""
        try:
            base: dict[str, Any] = json.loads(self._base_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return base

    @property
    def _base_file(self) -> Path:
        return self.state / "checkpoint.json"

    @property
    def _pointer_key(self) -> str:
        return f"{self.prefix}/_state/checkpoint.json"

    @property
    def _warehouses(self) -> str:
        return f"{self.prefix}/_state/warehouse/"
