"""Copies of the project, like a fresh clone, whose files tests can change."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tribolake.settings import PROJECT_DIR

PARTS = (
    "models", "macros", "seeds", "snapshots", "python", "tests", "docs", "dbt_project.yml", "profiles.yml", "README.md",
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, like a fresh clone."""
    return copy_project(tmp_path / "project")


def copy_project(copy: Path) -> Path:
    """Copy the project into a new folder."""
    copy.mkdir()
    for part in PARTS:
        source = PROJECT_DIR / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copyfile(source, copy / part)
    (copy / "data" / "_state").mkdir(parents=True)
    copy_parsed(copy)
    return copy


def copy_parsed(copy: Path) -> None:
    """Give a copy of the project what dbt parsed of this one, so that it parses only what a test changes."""
    for parsed in (PROJECT_DIR / "target" / "lake").glob("*/*.*"):
        kept = copy / parsed.relative_to(PROJECT_DIR)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, kept)


def in_project(project: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in the copy, with the copy's package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIBOLAKE_")}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=kept | {"PYTHONPATH": str(project / "python")} | environment,
    )
