"""Compare published files with their manifest: a reader or a disk may have altered them.

gold/{client}/_altered/{run_id}/{name}    bytes that were found in place of a file of that run
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tribolake.lake.files import (
    copy_durably,
    make_folder,
    partial_path,
    place_file,
    read_regular,
    real_path,
    replace_durably,
    sha256_of,
)
from tribolake.publish.contract import MANIFEST
from tribolake.publish.manifest import continues, listed_files, read_manifest
from tribolake.publish.places import Places, kept_manifest
from tribolake.publish.version import CHANGES_FILE, DELTA_FILE, Version, folders_in, is_replaced_by, silver_file

Problem = Literal["altered", "missing"]
ALTERED = "_altered"
SAMPLED_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Expected:
    """A name of a published file, and the content that its manifest lists. `name` is that in the version folder."""

    name: str
    path: Path
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, path: Path, entry: dict[str, Any]) -> Expected:
        return cls(entry["name"], path, entry["sha256"], entry["bytes"])


@dataclass(frozen=True)
class Difference:
    """A published name whose bytes are not those of its manifest. `kept` is where the altered bytes are."""

    name: str
    key: str  # path in the lake
    problem: Problem
    kept: str | None = None

    @property
    def words(self) -> str:
        kept = f". The altered bytes are in {self.kept}" if self.kept else ""
        what = "another program wrote over it" if self.problem == "altered" else "it was missing"
        return f"{what}. It is published again{kept}"


def expected_in_gold(gold: Path, manifest: dict[str, Any]) -> list[Expected]:
    """List the gold files of a manifest under their published names, and all files of the version folder."""
    version = gold / "_versions" / manifest["run_id"]
    return [
        *(Expected.of(gold / file["name"], file) for file in manifest["files"]),
        *(Expected.of(version / file["name"], file) for file in listed_files(manifest)),
    ]


def _expected_in_silver(home: Path, client: str, manifest: dict[str, Any]) -> Iterator[Expected]:
    for file in manifest.get("followers", ()):
        if file["name"] not in (DELTA_FILE, CHANGES_FILE):
            table = file["name"].removeprefix("_").removesuffix(".parquet")
            yield Expected.of(home / "silver" / table / f"{client.upper()}.parquet", file)


def differences_in_folder(places: Places, version: Version | None) -> list[Difference]:
    """Hash every file that readers of the published version open, and compare it with the manifest.

    A manifest without a version cannot be used. Silver of a run that was killed after it published gold is not
    compared: the settling steps replace it.
    """
    key = places.manifest.relative_to(places.root).as_posix()
    if version is None:
        if places.manifest.exists():
            return [Difference(MANIFEST, key, "altered")]
        return [Difference(MANIFEST, key, "missing")] if os.path.lexists(places.gold / "_current") else []
    expected = expected_in_gold(places.gold, version.manifest)
    lineage = places.lineage(version.run_id)
    if lineage.exists():  # kept after silver
        placed = {silver_file(table): places.silver(table) for table in places.contract.silver}
        silver = [file for file in version.manifest.get("followers", ()) if file["name"] in placed]
        expected += [Expected.of(placed[file["name"]], file) for file in silver if placed[file["name"]].exists()]
    found = compare(places.root, expected)
    kept = read_manifest(lineage) if lineage.exists() else version.manifest
    if not (kept == read_manifest(places.manifest) == version.manifest):
        found.append(Difference(MANIFEST, key, "altered" if places.manifest.exists() else "missing"))
    return found


def compare(root: Path, expected: Iterable[Expected]) -> list[Difference]:
    """Hash files and compare them. Names that share bytes are hashed once."""
    hashes: dict[tuple[int, int], str] = {}
    found = []
    for one in expected:
        problem = _problem_of(one, hashes)
        if problem:
            found.append(Difference(one.name, one.path.relative_to(root).as_posix(), problem))
    return found


def _problem_of(expected: Expected, hashes: dict[tuple[int, int], str]) -> Problem | None:
    try:
        about = expected.path.stat()
    except OSError:
        return "missing"
    if not stat.S_ISREG(about.st_mode) or about.st_size != expected.size_bytes:
        return "altered"
    which = (about.st_dev, about.st_ino)
    if which not in hashes:
        hashes[which] = sha256_of(expected.path)
    return None if hashes[which] == expected.sha256 else "altered"


def sampled_difference(home: Path, last: Mapping[str, str | None], budget: int = SAMPLED_BYTES) -> bool:
    """Look for published files of clients that differ from their manifests. Not all differences are found.

    Every file must be there with its size. A part of the files is hashed: first those that were written after their
    manifest, then others by chance. `last` is as for `Shelf.shows`.
    """
    rested = []
    for client, run_id in last.items():
        gold = home / "gold" / client
        manifest = _last_manifest(home, client, run_id)
        if manifest is None:
            return True
        sealed_at = (gold / MANIFEST).stat().st_mtime_ns
        for one in (*expected_in_gold(gold, manifest), *_expected_in_silver(home, client, manifest)):
            try:
                about = one.path.stat()
            except OSError:
                return True
            if about.st_size != one.size_bytes:
                return True
            rested.append((about.st_mtime_ns <= sealed_at, random.random(), one))  # noqa: S311 - protects nothing
    hashes: dict[tuple[int, int], str] = {}
    for _, _, one in sorted(rested, key=lambda found: found[:2]):
        budget -= one.size_bytes
        if budget < 0:
            break
        if _problem_of(one, hashes):
            return True
    return False


def _last_manifest(home: Path, client: str, run_id: str | None) -> dict[str, Any] | None:
    """Return the manifest that readers see. None if it is damaged, or not that of the last publication.

    A version whose manifest was not kept is none: a machine that lost the lease while it replaced the link shows an
    older version, and does not settle it. Nor is a version that a kept one replaced, or an earlier one that was put
    back.
    """
    shown = home / "gold" / client / MANIFEST
    manifest = read_manifest(shown)
    is_last = (
        manifest is not None
        and _is_kept(shown, kept_manifest(home, client, manifest["run_id"]))
        and continues(manifest, run_id, lambda each: read_manifest(kept_manifest(home, client, each)))
        and not _shows_an_earlier_one(home, client, shown.parent / "_versions", manifest["run_id"])
    )
    return manifest if is_last else None


def _is_kept(manifest: Path, kept: Path) -> bool:
    """Return whether the copy of a manifest is there and has its bytes."""
    try:
        return read_regular(manifest) == read_regular(kept)
    except OSError:
        return False


def _shows_an_earlier_one(home: Path, client: str, versions: Path, run_id: str) -> bool:
    """Return whether a version that was published later is there. Only manifests of younger folders are read."""
    shown_at = (versions / run_id).stat().st_mtime_ns if (versions / run_id).is_dir() else 0
    return any(
        folder.name != run_id and folder.stat().st_mtime_ns > shown_at and is_replaced_by(home, client, run_id, folder)
        for folder in folders_in(versions)
    )


def keep_aside(places: Places, version: Version | None, differences: Iterable[Difference]) -> list[Difference]:
    """Copy altered bytes to a folder that no reader opens. Returns the differences with the place of the copy."""
    folder = places.gold / ALTERED / (version.run_id if version else "unknown")
    copies: dict[str, Path] = {}  # by SHA-256: names may share bytes

    def kept(path: Path, name: str) -> str:
        sha256 = sha256_of(path)
        if sha256 not in copies:
            make_folder(folder, places.root)
            copies[sha256] = folder / f"{sha256[:12]}-{name}"
            partial = partial_path(copies[sha256])
            copy_durably(path, partial)
            replace_durably(partial, copies[sha256])
        return copies[sha256].relative_to(places.root).as_posix()

    return [
        replace(one, kept=kept(path, one.name))
        if one.problem == "altered" and (path := places.root / one.key).is_file() and _is_own(path, places)
        else one
        for one in differences
    ]


def _is_own(path: Path, places: Places) -> bool:
    """Return whether a name leads to a file of the client. One that leads elsewhere shows readers nothing new."""
    real = real_path(path)
    return real.is_relative_to(real_path(places.gold)) or real.parent == real_path(path.parent)


def heal(places: Places, version: Version, folder: Path, names: Collection[str]) -> None:
    """Put files of a new version's folder back into the replaced version and its snapshot.

    The manifests of both list the same bytes under these names.
    """
    for name in names:
        place_file(folder / name, version.folder / name, places.root)
        kept = places.history_versions / version.run_id
        if (kept / name).exists():
            place_file(folder / name, kept / name, places.root)
