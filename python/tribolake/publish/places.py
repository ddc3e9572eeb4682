"""Paths of the published files of a client in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tribolake.product import Contract, PublicTable
from tribolake.publish.contract import MANIFEST


@dataclass(frozen=True)
class Places:
    """`root` is the folder of the lake, `home` the folder of the data product in it."""

    contract: Contract
    root: Path
    home: Path
    client: str

    @property
    def gold(self) -> Path:
        return self.home / "gold" / self.client

    @property
    def manifest(self) -> Path:
        return self.gold / MANIFEST

    @property
    def versions(self) -> Path:
        """One folder per publication. The link `gold/_current` points to the published one."""
        return self.gold / "_versions"

    @property
    def harmonized(self) -> Path:
        return self.silver(self.contract.samples)

    def silver(self, table: PublicTable) -> Path:
        return self.home / "silver" / table.name / f"{self.client.upper()}.parquet"

    def delta(self, day: date) -> Path:
        return self.home / "silver" / "_delta" / f"{self.client.upper()}_{day.isoformat()}.parquet"

    @property
    def history(self) -> Path:
        """One link per day: `{date} -> _versions/{run_id}`."""
        return self.gold / "_history"

    @property
    def history_versions(self) -> Path:
        return self.history / "_versions"

    @property
    def archive(self) -> Path:
        """One folder per archived day."""
        return self.home / "archive" / "gold" / self.client

    def athena(self, table: str) -> Path:
        """The text file that names the published file of a table for Athena."""
        return self.gold / "athena" / table / "symlink.txt"

    def lineage(self, run_id: str) -> Path:
        """The manifest of a publication, kept permanently. It names the bronze contents behind the gold."""
        return kept_manifest(self.home, self.client, run_id)

    @property
    def change_log(self) -> Path:
        return self.root / self.contract.change_log


def kept_manifest(home: Path, client: str, run_id: str) -> Path:
    """Return where the manifest of a publication is kept: the settling steps write it."""
    return home / "lineage" / client / f"{run_id}.json"
