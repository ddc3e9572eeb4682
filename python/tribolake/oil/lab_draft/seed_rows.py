"""Append rows to seeds."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path


def append_rows(seeds: Path, rows: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Append rows to the CSV files of a folder. Each file is replaced at once.

    Args:
        seeds: folder of the seeds.
        rows: by the name of the seed; columns that a row lacks stay empty.
    """
    for name, added in rows.items():
        seed = seeds / f"{name}.csv"
        text = seed.read_text(encoding="utf-8")
        aside = seed.with_suffix(".partial")
        aside.write_text(
            text + ("" if text.endswith("\n") else "\n") + as_csv(columns_of(text), added), encoding="utf-8"
        )
        aside.replace(seed)


def columns_of(text: str) -> list[str]:
    """Return the columns of a seed."""
    return next(csv.reader(io.StringIO(text)))


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows as lines of a seed."""
    lines = io.StringIO()
    writer = csv.DictWriter(lines, columns, restval="", lineterminator="\n")
    writer.writerows(rows)
    return lines.getvalue()
