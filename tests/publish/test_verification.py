"""Published files are compared with their manifests. Files that another program altered are published again."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from tests.support.small_warehouse import (
    CLIENT,
    DAY,
    gold_of,
    harmonized_of,
    logged,
    marks_in,
    publish,
    published_mark,
    shelf_in,
    snapshots,
    warehouse,
)

from tribolake.errors import RunFailed
from tribolake.oil.contract import LIMITS
from tribolake.oil.product import OIL
from tribolake.publish.gold import Outcome, publish_client
from tribolake.publish.manifest import continues
from tribolake.publish.version import ManifestHeader
from tribolake.publish.versioned import publish_versions

REPORTS = "classified_reports.parquet"


def publish_again(root: Path, run: str, mark: int = 1, at: str = DAY) -> Outcome:
    header = ManifestHeader(run, "default", at)
    return publish_client(warehouse(mark), OIL.contract, shelf_in(root), CLIENT, header, {})


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_over(path: Path, content: bytes) -> None:
    """Write as a program that opens a file for writing. Its names keep their bytes in common."""
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        (REPORTS, 1),
        (REPORTS, 2),
        pytest.param("_current/_harmonized.parquet", 1, marks=pytest.mark.slow),
        pytest.param("_current/_delta.parquet", 2, marks=pytest.mark.slow),
    ],
)
def test_altered_file_is_published_again(tmp_path, name, mark):
    publish(warehouse(1), tmp_path, "run-1", at="2026-01-30")
    before = sha256_of(gold_of(tmp_path) / REPORTS)
    write_over(gold_of(tmp_path) / name, b"PAR1 another program")
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    outcome = publish_again(tmp_path, "run-2", mark)
    assert outcome.changed
    assert {Path(one.key).name for one in outcome.differences} == {Path(name).name}
    (kept,) = {one.kept for one in outcome.differences}
    assert (tmp_path / (kept or "")).read_bytes() == b"PAR1 another program"
    assert (published_mark(tmp_path), marks_in(harmonized_of(tmp_path))) == (mark, {mark})
    if mark == 1:  # the warehouse still has the bytes of the snapshot
        assert sha256_of(gold_of(tmp_path) / "_history" / "2026-01-30" / REPORTS) == before
        changes = [line for line in logged(tmp_path) if line["run_id"] == "run-2"]
        assert [line["added"] + line["changed"] + line["removed"] for line in changes] == [0] * len(changes)
    assert publish_again(tmp_path, "run-3", mark) == Outcome("run-2", changed=False)


@pytest.mark.parametrize(
    "name", [REPORTS, *(pytest.param(name, marks=pytest.mark.slow) for name in ("_current", f"_current/{REPORTS}"))]
)
def test_missing_name_comes_back(tmp_path, name):
    publish(warehouse(1), tmp_path, "run-1")
    (gold_of(tmp_path) / name).unlink()
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    assert publish_again(tmp_path, "run-2").changed
    assert published_mark(tmp_path) == 1
    assert shelf_in(tmp_path).shows({CLIENT: None})


@pytest.mark.slow
def test_file_in_place_of_a_link_is_replaced(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    name = gold_of(tmp_path) / REPORTS
    name.unlink()
    name.write_bytes(b"saved by an editor")
    assert publish_again(tmp_path, "run-2").changed
    assert published_mark(tmp_path) == 1


@pytest.mark.parametrize(
    "content", [b"{", *(pytest.param(content, marks=pytest.mark.slow) for content in (b"[]", b"", b'{"files": 1}'))]
)
def test_damaged_manifest_is_published_again(tmp_path, content):
    publish(warehouse(1), tmp_path, "run-1")
    write_over(gold_of(tmp_path) / "_manifest.json", content)
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    outcome = publish_again(tmp_path, "run-2")
    assert [Path(one.key).name for one in outcome.differences] == ["_manifest.json"]
    assert published_mark(tmp_path) == 1
    changes = [line for line in logged(tmp_path) if line["run_id"] == "run-2"]
    assert [line["added"] + line["changed"] + line["removed"] for line in changes] == [0] * len(changes)


@pytest.mark.slow
def test_damaged_manifest_without_a_copy_is_published_again(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    write_over(gold_of(tmp_path) / "_manifest.json", b"{")
    shutil.rmtree(shelf_in(tmp_path).home / "lineage")
    assert publish_again(tmp_path, "run-2").differences
    assert published_mark(tmp_path) == 1


def test_altered_number_in_the_manifest_is_published_again(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    manifest = gold_of(tmp_path) / "_manifest.json"
    write_over(manifest, manifest.read_bytes().replace(b'"policy": "default"', b'"policy": "defaulT"'))
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    assert [one.name for one in publish_again(tmp_path, "run-2").differences] == ["_manifest.json"]


def test_replaced_silver_is_found_and_put_back(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    harmonized_of(tmp_path).unlink()
    harmonized_of(tmp_path).write_bytes(b"saved by an editor")
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    assert [Path(one.key).name for one in publish_again(tmp_path, "run-2").differences] == ["CDA.parquet"]
    assert marks_in(harmonized_of(tmp_path)) == {1}
    assert shelf_in(tmp_path).shows({CLIENT: None})


def test_sample_finds_a_change_of_the_same_size(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    shelf = shelf_in(tmp_path)
    assert shelf.shows({CLIENT: None})
    path = gold_of(tmp_path) / REPORTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    write_over(path, bytes(content))
    assert not shelf.shows({CLIENT: None})


def test_finished_files_are_read_only(tmp_path):
    publish(warehouse(1), tmp_path, "run-1", at="2026-01-30")
    with warehouse(2) as connection:
        publish_versions(connection, shelf_in(tmp_path), LIMITS)
        publish(connection, tmp_path, "run-2")
    files = [path for path in shelf_in(tmp_path).home.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if path.stat().st_mode & 0o222] == []


def test_files_of_an_earlier_release_become_read_only(tmp_path):
    publish(warehouse(1), tmp_path, "run-1", at="2026-01-30")
    publish(warehouse(2), tmp_path, "run-2")
    files = [path for path in gold_of(tmp_path).rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o644)
    assert not publish(warehouse(2), tmp_path, "run-3")
    current = [path for path in files if "run-1" not in path.parts or "_history" in path.parts]
    assert [path for path in current if path.stat().st_mode & 0o222] == []


def test_kept_manifest_shares_no_bytes_with_the_published_one(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    kept = shelf_in(tmp_path).home / "lineage" / CLIENT / "run-1.json"
    assert kept.stat().st_nlink == 1
    assert kept.read_bytes() == (gold_of(tmp_path) / "_manifest.json").read_bytes()


def test_foreign_names_are_ignored_and_stay(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    home, gold = shelf_in(tmp_path).home, gold_of(tmp_path)
    archive = home / "archive" / "gold" / CLIENT
    archive.mkdir(parents=True)
    left = []
    for folder in (gold, gold / "_history", gold / "_history" / "_versions", gold / "_versions", archive):
        for name in ("Thumbs.db", ".nfs0001", "Icon\r", "20260101", "2026-W01-1", "2026-01-02"):
            left.append(folder / name)
            left[-1].write_bytes(b"foreign")
        left.append(folder / "@eaDir")
        left[-1].mkdir()
    for mark in (2, 3):
        assert publish_again(tmp_path, f"run-{mark}", mark).changed
    assert published_mark(tmp_path) == 3
    assert [path for path in left if not path.exists()] == []
    assert snapshots(tmp_path) == [DAY]


@pytest.mark.slow
def test_copy_of_a_lake_without_links_is_published_again(tmp_path):
    """Some programs copy what a link points to."""
    publish(warehouse(1), tmp_path / "old", "run-1", at="2026-01-30")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    assert not (gold_of(tmp_path / "new") / "_current").is_symlink()
    publish(warehouse(2), tmp_path / "new", "run-2", at="2026-01-30")
    assert published_mark(tmp_path / "new") == 2
    assert (gold_of(tmp_path / "new") / "_current").is_symlink()


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_folder_without_links_is_refused_with_advice(tmp_path, monkeypatch, number):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(RunFailed, match=r"cannot hold gold.*mfsymlinks"):
        shelf_in(tmp_path).require_links()


def test_folder_with_links_is_left_as_it_was(tmp_path):
    shelf = shelf_in(tmp_path)
    shelf.require_links()
    assert list(shelf.home.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "_current/" + REPORTS,
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in (REPORTS, "_current/_manifest.json", "_current/_harmonized.parquet", "_history", "_versions")
        ),
    ],
)
@pytest.mark.parametrize("kind", [os.mkdir, os.mkfifo])
def test_folder_or_pipe_in_place_of_a_file_is_replaced(tmp_path, name, kind):
    publish(warehouse(1), tmp_path, "run-1", at="2026-01-30")
    path = gold_of(tmp_path) / name
    path.unlink() if path.is_file() else shutil.rmtree(path)
    kind(path)
    assert not shelf_in(tmp_path).shows({CLIENT: None}) or name == "_history"
    assert publish_again(tmp_path, "run-2", 2).changed
    assert published_mark(tmp_path) == 2
    assert shelf_in(tmp_path).shows({CLIENT: None})
    assert publish_again(tmp_path, "run-3", 2) == Outcome("run-2", changed=False)


def test_bytes_that_a_link_leads_to_are_not_kept(tmp_path):
    """Whoever may write to gold could otherwise have a run copy what only the run may read."""
    publish(warehouse(1), tmp_path, "run-1")
    (tmp_path / "credentials").write_bytes(b"of the run")
    for name in (REPORTS, f"_current/{REPORTS}"):
        (gold_of(tmp_path) / name).unlink()
        (gold_of(tmp_path) / name).symlink_to(tmp_path / "credentials")
        assert [one.kept for one in publish_again(tmp_path, f"run-{name.count('/')}").differences] == [None]
    assert published_mark(tmp_path) == 1
    assert not list(gold_of(tmp_path).glob("_altered/*/*"))


@pytest.mark.parametrize(
    "target",
    [
        "_versions/run-1",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("/", "_current", "../emin", None)),
    ],
)
def test_link_that_another_program_moved_is_put_back(tmp_path, target):
    for number, mark in (("1", 1), ("2", 2), ("3", 2)):
        publish(warehouse(mark), tmp_path, f"run-{number}", at="2026-01-30")
    link = gold_of(tmp_path) / "_current"
    assert link.readlink().name == "run-2"
    link.unlink()
    if target:
        link.symlink_to(target)
    assert not shelf_in(tmp_path).shows({CLIENT: None})
    outcome = publish_again(tmp_path, "run-4", 2)
    assert outcome.changed
    assert "_manifest.json" in {one.name for one in outcome.differences}
    assert published_mark(tmp_path) == 2
    assert shelf_in(tmp_path).shows({CLIENT: None})
    changes = [line for line in logged(tmp_path) if line["run_id"] == "run-4"]
    assert [line["added"] + line["changed"] + line["removed"] for line in changes] == [0] * len(changes)
    assert publish_again(tmp_path, "run-5", 2) == Outcome("run-4", changed=False)


def test_earlier_publication_that_was_put_back_is_found(tmp_path):
    """A copy of an earlier day agrees with its own manifests. Only the runs after it tell that it is old."""
    lake, kept = tmp_path / "lake", tmp_path / "kept"
    for number in (1, 2):
        publish_again(lake, f"run-{number}", number)
    shutil.copytree(lake, kept, symlinks=True)
    publish_again(lake, "run-3", 3)
    assert shelf_in(lake).shows({CLIENT: "run-3"})
    assert shelf_in(lake).shows({CLIENT: "run-2"}), "another machine replaced it since"
    shutil.rmtree(lake)
    shutil.copytree(kept, lake, symlinks=True)
    assert shelf_in(lake).shows({CLIENT: "run-2"})
    assert not shelf_in(lake).shows({CLIENT: "run-3"})
    assert publish_again(lake, "run-4", 3) == Outcome("run-4", changed=True)
    assert (published_mark(lake), shelf_in(lake).shows({CLIENT: "run-4"})) == (3, True)


def test_publications_that_replace_each_other_end_the_search(tmp_path):
    manifests = {"a": {"run_id": "a", "replaces": "b"}, "b": {"run_id": "b", "replaces": "a"}}
    assert continues(manifests["a"], "b", manifests.get)
    assert not continues(manifests["a"], "c", manifests.get)
