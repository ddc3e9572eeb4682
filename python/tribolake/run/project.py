"""Fingerprints of project files. A run is due when those of its product change, even without a new file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from tribolake.product import Product
from tribolake.settings import PACKAGE_DIR, PROJECT_DIR

PACKAGE = "python/tribolake/"
SHARED = ("macros/*.sql", "macros/materializations/*.sql", "macros/tests/*.sql", "dbt_project.yml")


@dataclass(frozen=True)
class Fingerprints:
    """SHA-256 of the project files that runs of a product depend on."""

    project: str  # models, macros, seeds and the Python that models import: every derived table
    seeds: str
    readers: str  # Python that turns a file into raw rows

    @classmethod
    def of(cls, product: Product) -> Fingerprints:
        return cls(
            fingerprint(*_models(product), *_seeds(product), *_macros(product), *product.sources.python),
            fingerprint(*_seeds(product)),
            fingerprint(*product.sources.readers),
        )

    @classmethod
    def of_record(cls, recorded: Mapping[str, str]) -> Fingerprints:
        """Return the fingerprints that a run recorded. Another release may have had more, or fewer."""
        return cls(**{field.name: recorded.get(field.name, "") for field in fields(cls)})


def fingerprint_parsed(product: Product) -> str:
    """Return a SHA-256 over the files that dbt reads for a product."""
    return fingerprint(*_parsed(product))


def fingerprint_process(product: Product) -> str:
    """Return a SHA-256 over everything that a process has in memory once it has parsed the project."""
    return fingerprint(*_parsed(product), f"{PACKAGE}**/*.py")


def fingerprint(*patterns: str) -> str:
    """Return a SHA-256 over the names and contents of the project's files that match."""
    digest = hashlib.sha256()
    found = {name: path for pattern in patterns for name, path in _files(pattern)}
    for name, path in sorted(found.items()):
        digest.update(f"{name}\n".encode())
        stat = path.stat()
        digest.update(_digest_of(path, stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()


def _files(pattern: str) -> Iterator[tuple[str, Path]]:
    """Find files by a pattern of the checkout. Returns their names in a checkout, for an installed package too."""
    folder, prefix = (PACKAGE_DIR, PACKAGE) if pattern.startswith(PACKAGE) else (PROJECT_DIR, "")
    for path in folder.glob(pattern.removeprefix(prefix)):
        name = path.relative_to(folder).as_posix()
        if not (prefix and name.startswith("project/")):  # the dbt project, inside an installed package
            yield f"{prefix}{name}", path


def _models(product: Product) -> tuple[str, ...]:
    return f"models/{product.name}/**/*.sql", f"models/{product.name}/**/*.py"


def _macros(product: Product) -> tuple[str, ...]:
    return *SHARED, f"macros/{product.name}/**/*.sql"


def _seeds(product: Product) -> tuple[str, ...]:
    return f"seeds/{product.name}/**/*.csv", f"seeds/{product.name}/**/*.yml"


def _parsed(product: Product) -> list[str]:
    files = [f"{folder}/**/*.{kind}" for folder in product.folders for kind in ("sql", "py", "yml", "csv")]
    return [*files, *_macros(product), "profiles.yml"]


@cache
def _digest_of(path: Path, size_bytes: int, modified_ns: int) -> bytes:
    """Hash a file. A process that runs for long reads a file again if its size or time has changed."""
    return hashlib.sha256(path.read_bytes()).digest()
