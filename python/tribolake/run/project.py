"""The dbt project's own files: a run is due when they change, even if no new file arrived."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tribolake.readers.layout import SheetLayout, layouts_of
from tribolake.settings import PACKAGE_DIR, PROJECT_DIR

PACKAGE = "python/tribolake/"
CODE = ("models/**/*.sql", "models/**/*.py", "macros/**/*.sql", "python/tribolake/**/*.py", "dbt_project.yml")
SEEDS = ("seeds/**/*.csv", "seeds/**/*.yml")
PARSED = ("models/**/*.yml", "snapshots/**/*.*", "tests/data/**/*.sql", "profiles.yml")
GUARDS = ("python/tribolake/oil/wording/**/*.py", "python/tribolake/oil/wording/**/*.csv", "seeds/oil/*.csv")
READERS = ("models/oil/bronze/*.py", "python/tribolake/readers/*.py", "seeds/oil/lab_sheets.csv")


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256 of what runs depend on beside the laboratory files."""

    project: str  # models, macros, seeds and the package: every derived table
    seeds: str
    readers: str  # what turns a file into raw rows

    @classmethod
    def of_project(cls) -> Fingerprints:
        return cls(_fingerprint(*CODE, *SEEDS), _fingerprint(*SEEDS), _fingerprint(*READERS))


def fingerprint_sources() -> str:
    """A SHA-256 over everything that a process which has parsed the project would have to parse again."""
    return _fingerprint(*CODE, *SEEDS, *PARSED)


@cache
def fingerprint_guards() -> str:
    """A SHA-256 over what judges the wordings of this process, and what that reads: rather too much than too little."""
    return _fingerprint(*GUARDS)


def read_seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, as text."""
    with (PROJECT_DIR / "seeds" / "oil" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def policies() -> list[str]:
    return [row["policy"] for row in read_seed("policies")]


def declared_clients() -> list[str]:
    return [row["client"] for row in read_seed("clients")]


def declared_layouts() -> dict[str, tuple[SheetLayout, ...]]:
    """The sheets that each client's laboratory delivers."""
    sheets = read_seed("lab_sheets")
    return layouts_of(
        (client["client"], sheet["sheet"], sheet["key_header"])
        for client in read_seed("clients")
        for sheet in sheets
        if sheet["laboratory"] == client["laboratory"]
    )


def _fingerprint(*patterns: str) -> str:
    digest = hashlib.sha256()
    found = {name: path for pattern in patterns for name, path in _files(pattern)}
    for name, path in sorted(found.items()):
        digest.update(f"{name}\n".encode())
        stat = path.stat()
        digest.update(_digest_of(path, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


def _files(pattern: str) -> Iterator[tuple[str, Path]]:
    """Find files by a pattern of the checkout. Returns the names that they have there: an installed copy is no news."""
    folder, prefix = (PACKAGE_DIR, PACKAGE) if pattern.startswith(PACKAGE) else (PROJECT_DIR, "")
    for path in folder.glob(pattern.removeprefix(prefix)):
        name = path.relative_to(folder).as_posix()
        if not (prefix and name.startswith("project/")):  # the dbt project, inside an installed package
            yield f"{prefix}{name}", path


@cache
def _digest_of(path: Path, size_bytes: int, modified_ns: int) -> bytes:
    """A file is read once; whoever runs for long notices its changes by size and time."""
    return hashlib.sha256(path.read_bytes()).digest()
