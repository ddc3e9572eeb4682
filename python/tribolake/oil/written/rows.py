"""Read rows of a file in bronze again, as the laboratory wrote them, in a process with limits."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import duckdb

from tribolake.errors import ContractBroken, StoreUnavailable
from tribolake.lake.content import ARCHIVED, FileContent
from tribolake.lake.objects import ObjectNotFound, Objects
from tribolake.oil.questions.origin import Origin
from tribolake.oil.seeds import declared_layouts
from tribolake.oil.written.staged import StagedFiles
from tribolake.readers.confined import ReadingTask, read_files
from tribolake.readers.reading import ReadingLimits
from tribolake.settings import Settings
from tribolake.trace.bronze_copy import checked_key

# A reader of a page waits less long than a run.
MOST_MB = 64
MOST_SECONDS = 20
MOST_CELLS = 2000  # of a row
MOST_CHARACTERS = 1000  # of a cell and of a header
MOST_ROWS = 5  # of a report
ROWS = f"""
    select
        row_number,
        list_transform(
            map_entries(cells)[:{MOST_CELLS}],
            lambda cell: [left(cell.key, {MOST_CHARACTERS}), left(cell.value, {MOST_CHARACTERS})]
        ) as cells,
        kinds
    from read_parquet($path)
    where sheet = $sheet and list_contains($rows, row_number)
    order by list_position($rows, row_number)
"""
Problem = Literal["", "gone", "archived", "too_large", "unreadable", "no_row"]


@dataclass(frozen=True)
class Cell:
    """A filled cell of a row: header, text, and the letter of its kind. `Estado#2` is the second column `Estado`."""

    column: str
    text: str
    kind: str


@dataclass(frozen=True)
class WrittenRow:
    """A row of a sheet. `is_whole` is False if it has more cells than are shown."""

    number: int
    cells: tuple[Cell, ...]
    is_whole: bool


@dataclass(frozen=True)
class Written:
    """Rows of a file.

    `is_unchanged` says whether bronze still has the bytes that were read. It is None where nothing was compared.
    Without rows, `problem` says why, and `detail` what the reader says of the file.
    """

    rows: tuple[WrittenRow, ...] = ()
    is_unchanged: bool | None = None
    problem: Problem = ""
    detail: str = ""


def read_written(settings: Settings, origin: Origin, source: Mapping[str, Any] | None, published: Objects) -> Written:
    """Read the first rows of an origin from its file in bronze.

    Args:
        settings: the lake.
        origin: which rows.
        source: the content in the manifest that they were read from. None if the manifest names none.
        published: objects of the lake.

    Raises:
        ConfigurationError: the manifest names a key outside bronze.
        StoreUnavailable: the bucket does not answer.
    """
    if source is None:
        return Written(problem="gone")
    key = checked_key(settings, str(source["key"]))
    if settings.is_on_s3 and source["bytes"] > MOST_MB * 2**20:  # not downloaded for a page
        return Written(problem="too_large")
    with tempfile.TemporaryDirectory(dir=_staged().folder) as folder:
        try:
            path = _content(settings, published, key, source, Path(folder) / "content")
        except StoreUnavailable as error:
            if ARCHIVED not in str(error):
                raise
            return Written(problem="archived", detail=str(error))
        if path is None:
            return Written(is_unchanged=False, problem="gone")
        if path.stat().st_size > MOST_MB * 2**20:
            return Written(is_unchanged=True, problem="too_large")
        return _read(settings, origin, path, key, str(source["sha256"]), Path(folder))


@cache
def _staged() -> StagedFiles:
    """The files of this process. Their names are contents, so that none gets old."""
    return StagedFiles()


def _content(settings: Settings, published: Objects, key: str, source: Mapping[str, Any], aside: Path) -> Path | None:
    """Return a file with the content that was read. Returns None if bronze does not have it any more."""
    if settings.is_on_s3:
        return aside if published.take(key, source["sha256"], source["version_id"], aside) else None
    try:
        return published.fetch(key, source["sha256"])
    except (ContractBroken, ObjectNotFound):
        return None


def _folder_of(settings: Settings, key: str) -> str:
    return key.removeprefix(f"{settings.prefix}/bronze/").partition("/")[0].lower()


def _read(settings: Settings, origin: Origin, path: Path, key: str, sha256: str, folder: Path) -> Written:
    client = _folder_of(settings, key)
    name = f"{client}/{sha256}"
    with _staged().hold(name) as kept:
        if kept is not None:
            return _found(_rows(kept, origin))
    layout = declared_layouts().get(client)
    if layout is None:
        return Written(is_unchanged=True, problem="unreadable")
    allowed = ReadingLimits.of(settings)
    limits = replace(allowed, processor_seconds=min(MOST_SECONDS, allowed.processor_seconds))
    (reading,) = read_files([ReadingTask(FileContent(str(path)), f"{folder}/", layout)], limits)
    if reading.problem:
        return Written(is_unchanged=True, problem="unreadable", detail=reading.problem)
    if reading.sha256 != sha256:  # written over since it was compared
        return Written(is_unchanged=False, problem="gone")
    staged = folder / f"{sha256}.parquet"
    found = _found(_rows(staged, origin))
    _staged().keep(name, staged)
    return found


def _found(rows: tuple[WrittenRow, ...]) -> Written:
    return Written(rows, is_unchanged=True, problem="" if rows else "no_row")


def _rows(staged: Path, origin: Origin) -> tuple[WrittenRow, ...]:
    asked = {
        "path": str(staged),
        "sheet": origin.place["sourceSheet"] or "",
        "rows": list(origin.rows[:MOST_ROWS]),
    }
    with duckdb.connect(config={"threads": "1"}) as connection:
        return tuple(_row(*row) for row in connection.execute(ROWS, asked).fetchall())


def _row(number: int, cells: Sequence[Sequence[str]], kinds: str) -> WrittenRow:
    named = (Cell(column, text, kind) for (column, text), kind in zip(cells, kinds, strict=False))
    return WrittenRow(number, tuple(named), len(cells) == len(kinds))
