"""A copy of the seeds with rows added to one of them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tribolake.settings import PROJECT_DIR


def seeds_with(folder: Path, seed: str, rows: Sequence[Mapping[str, object]]) -> Path:
    """Copy the seeds of the oil product into a new folder, with rows at the end of one. Returns the folder."""
    shutil.copytree(PROJECT_DIR / "seeds" / "oil", folder)
    with (folder / f"{seed}.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(["" if cell is None else cell for cell in row.values()] for row in rows)
    return folder
