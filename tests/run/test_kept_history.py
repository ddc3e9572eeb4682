"""Test that a lost warehouse costs no history: the lake keeps it, and a new warehouse takes it back."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from tests.support.lake_homes import PRODUCT, InBucket, InFolder, LakeHome, everything_published
from tests.support.published_lakes import PublishedLake
from tests.support.s3_fixtures import client

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import PROJECT_DIR, Settings

SNAPSHOTS = ("report_status_history", "machine_status_history", "limits_history")
KEPT = f"{PRODUCT}/lineage/_history/"

pytestmark = pytest.mark.slow


def read_history(settings: Settings, table: str) -> list[tuple]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(f"from history.{table} order by all").fetchall()


def lose_the_warehouse(lake: PublishedLake) -> None:
    shutil.rmtree(lake.settings.state)
    if isinstance(lake.home, InBucket):
        for key in lake.home.keys(f"{PRODUCT}/_state/"):
            client(lake.home.server).delete_object(Bucket=lake.home.bucket, Key=key)


def content_of(home: LakeHome) -> dict[str, bytes | None]:
    return {key: home.read(key) for key in home.keys(KEPT)}


def test_history_survives_a_lost_warehouse(published_lake: PublishedLake):
    settings = published_lake.settings
    run(OIL, settings, recalculate_limits=True)  # as a new warehouse does it: other limits would be other statuses
    before = {table: read_history(settings, table) for table in (*SNAPSHOTS, "limit_decisions")}
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        closed = "select count(*) from history.report_status_history where dbt_valid_to is not null"
        assert warehouse.execute(closed).fetchone() != (0,)
    kept = content_of(published_lake.home)
    for left_out in (["cda"], None):  # a run of one client leaves the history of the other alone
        lose_the_warehouse(published_lake)
        report = run(OIL, settings, clients=left_out)
        assert not report.failed_tests
        for table in SNAPSHOTS:
            assert read_history(settings, table) == before[table], table
        assert set(before["limit_decisions"]) <= set(read_history(settings, "limit_decisions"))
    now = content_of(published_lake.home)
    assert {key: now.get(key) for key in kept} == kept, "a kept file changed"
    assert {key.split("/")[-2] for key in now.keys() - kept} == {"limit_decisions"}  # of the new warehouses


def test_damaged_file_of_history_is_named_and_stops_nothing(new_lake: PublishedLake, tmp_path: Path):
    if new_lake.is_on_s3:
        pytest.skip("the file is read in the same way")
    lake = copy_of(new_lake, tmp_path)
    key = lake.home.keys(f"{KEPT}emin/machine_status_history")[0]
    lake.home.put(key, b"PAR1 damaged")
    reports = read_history(lake.settings, "report_status_history")
    lose_the_warehouse(lake)
    report = run(OIL, lake.settings)
    assert report.needs_a_look
    assert [test for test in report.failed_tests if key in test and "put it back from a backup" in test]
    assert all(done.published for done in report.clients.values())
    assert read_history(lake.settings, "report_status_history") == reports


def test_documented_backup_restores_gold_and_history(new_lake: PublishedLake, tmp_path: Path):
    """The commands of docs/operations.md, with the folders of this test."""
    if new_lake.is_on_s3:
        pytest.skip("a bucket is copied by its owner's means")
    text = (PROJECT_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = text.partition("## Backup and restore")[2].partition("\n## ")[0]
    commands = re.findall(r"^\$ (.*)$", chapter, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["rsync", "rsync", "rsync", "tribolake", "mv", "tribolake"]
    lake, backup = copy_of(new_lake, tmp_path).settings.lake, tmp_path / "backup"
    backup.mkdir()
    gold = everything_published(InFolder(lake))
    before = {table: read_history(InFolder(lake).settings(), table) for table in SNAPSHOTS}
    for number, command in enumerate(commands):
        if number == 2:  # the disk is lost
            shutil.rmtree(lake)
            lake.mkdir()
        words = command.replace("/srv/lake", str(lake)).replace("/backup/lake", str(backup)).split()
        if words[0] == "rsync" and shutil.which("rsync") is None:
            copy_like_rsync(words)
            continue
        program = [sys.executable, "-m", *words] if words[0] == "tribolake" else words
        ended = subprocess.run(program, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, (command, ended.stderr)
        if words[0] == "tribolake":
            assert "published" not in ended.stdout.replace("up to date", "")
            assert {table: read_history(InFolder(lake).settings(), table) for table in SNAPSHOTS} == before
    assert everything_published(InFolder(lake)) == gold


def copy_of(lake: PublishedLake, folder: Path) -> PublishedLake:
    """Copy a lake in a folder, because other tests of this file use it too."""
    shutil.copytree(lake.settings.lake, folder / "srv", symlinks=True)
    return PublishedLake(InFolder(folder / "srv"), lake.runs)


def copy_like_rsync(words: list[str]) -> None:
    """Do what the documented options of rsync do, where it is not installed."""
    *options, source, target = words[1:]
    assert options[0] == "-a" and all(option.startswith("--exclude=") for option in options[1:])
    left_out = shutil.ignore_patterns(*(option.partition("=")[2] for option in options[1:]))
    for link in Path(target).rglob("*"):
        if link.is_symlink():
            link.unlink()
    shutil.copytree(source, target, symlinks=True, ignore=left_out, dirs_exist_ok=True)
