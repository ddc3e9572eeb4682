"""Publish the files of a version again under the name of another run: to readers a publication of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path

MANIFEST = "_manifest.json"


def current_run(gold: Path) -> str:
    """Return the run that a folder of gold shows."""
    return (gold / "_current").readlink().name


def publish_again(gold: Path, version: str, run_id: str) -> None:
    """Show the files of a version as those of a run that replaces the current one.

    The version before the current one stays, as after a run. Links are replaced by one rename.
    """
    versions, replaced = gold / "_versions", current_run(gold)
    folder = versions / run_id
    folder.mkdir()
    for file in (versions / version).iterdir():
        if file.name != MANIFEST:
            (folder / file.name).hardlink_to(file)
    manifest = json.loads((versions / version / MANIFEST).read_text(encoding="utf-8"))
    named = {"run_id": run_id, "replaces": replaced, "folder": f"_versions/{run_id}"}
    (folder / MANIFEST).write_text(json.dumps(manifest | named), encoding="utf-8")
    aside = gold / ".next"
    aside.symlink_to(Path("_versions") / run_id)
    aside.replace(gold / "_current")


def forget_old(gold: Path, keep: int, never: Collection[str]) -> None:
    """Remove all versions but the last ones and those named, as a run does it."""
    made = sorted((gold / "_versions").iterdir(), key=lambda folder: (folder / MANIFEST).stat().st_mtime_ns)
    for folder in made[:-keep]:
        if folder.name not in never:
            shutil.rmtree(folder)
