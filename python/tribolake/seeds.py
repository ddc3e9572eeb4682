"""Read the seeds of a product without a warehouse."""

from __future__ import annotations

import csv

from tribolake.settings import PROJECT_DIR


def read_seed(product: str, name: str) -> list[dict[str, str]]:
    """Read the rows of a seed as text."""
    with (PROJECT_DIR / "seeds" / product / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
