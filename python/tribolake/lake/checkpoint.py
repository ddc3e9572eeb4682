"""The warehouse in the lake: a run leaves it there, so that the next one can go on on any machine.

{prefix}/_state/warehouse/{run_id}.{sha256}.duckdb    the warehouse as a run left it; it never changes
{prefix}/_state/checkpoint.json                       which of them counts; changed last
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

# What was told to people is not told again by another machine, and what was listed need not be listed again.
SMALL_FILES = ("notified.json", "listing.json")
KEPT_WAREHOUSES = 2


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of a lake; `state` is the folder where this machine works."""

    store: ObjectStore
    prefix: str
    state: Path
    warehouse: Path

    def restore(self) -> bool:
        """Take the lake's warehouse, unless the one of this machine goes on from it; whether it was taken.

        Raises:
            StoreUnavailable: it cannot be had whole.
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
        """Whether this machine's warehouse, with that run as its last, is the lake's."""
        return self._base().get("run_id") == run_id

    def save(self, run_id: str, still_mine: Callable[[], None] = lambda: None) -> None:
        """Leave the closed warehouse in the lake.

        Args:
            run_id: the last run that is in it.
            still_mine: raises where another run holds the lake by now.

        Raises:
            RunFailed: another run may hold the lake; the checkpoint stands that it has by then.
            StoreUnavailable: it could not be stored; the checkpoint before stands.
        """
        still_mine()
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
        # The warehouse may have taken minutes.
        self.store.put(self._pointer_key, content, before_each=still_mine)
        self._base_file.write_bytes(content)
        self._forget_old(stored.key, still_mine)

    def _forget_old(self, kept: str, still_mine: Callable[[], None]) -> None:
        """The last few stay: somebody may be fetching one."""
        others = [stored for stored in self.store.list(self._warehouses) if stored.key != kept]
        others.sort(key=lambda stored: stored.modified_at)
        for stored in others[: max(0, len(others) - KEPT_WAREHOUSES + 1)]:
            try:
                self.store.delete(stored.key, before_each=still_mine)
            except (StoreUnavailable, RunFailed):
                return  # the next run tries again

    def _base(self) -> dict[str, Any]:
        """The checkpoint that this machine's warehouse goes on from."""
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
