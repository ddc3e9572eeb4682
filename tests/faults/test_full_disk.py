"""A disk that is full in earnest: a small tmpfs holds the state of a lake."""

from __future__ import annotations

import gc
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tribolake.errors import RunFailed, explain
from tribolake.lake.files import append_durably, place_for_user, write_aside, write_durably
from tribolake.lake.labels import Label
from tribolake.lake.objects import FolderObjects
from tribolake.oil.questions.workbook import Sheet, workbook_of
from tribolake.oil.synth import write_sample_lake
from tribolake.run.attempt import read_attempt, record_attempt
from tribolake.settings import load_settings
from tribolake.watch.heartbeat import Heartbeat, State, read_heartbeat, write_heartbeat

pytestmark = pytest.mark.slow
MIB = 2**20
CONTENT = b"0" * MIB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A function that makes a disk of some bytes, or gives the disk another size."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def resize(size: int) -> Path:
        options = f"size={size}" + (",remount" if disk.is_mount() else "")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.decode().strip()}")
        return disk

    yield resize
    if disk.is_mount():
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is of Linux")
def test_content_that_fills_the_disk_is_not_blamed(small_disk, tmp_path: Path, tribolake):
    lake, more = tmp_path / "lake", tmp_path / "more"
    write_sample_lake(lake, finning_units=1, als_units=1, months=2, dirty=False)
    write_sample_lake(more, finning_units=1, als_units=40, months=12, dirty=False)
    state = small_disk(200 * MIB)
    environment = {"TRIBOLAKE_STATE_DIR": str(state), "TRIBOLAKE_CACHE_DIR": str(tmp_path / "cache")}
    flags = ("--lake", str(lake))
    ended = tribolake("run", *flags, **environment)
    assert ended.returncode == 0, ended.stderr
    (table,) = (more / "oil-analysis" / "bronze" / "emin").rglob("*.parquet")
    (known,) = (lake / "oil-analysis" / "bronze" / "emin").rglob("*.parquet")
    shutil.copy(table, known.with_name("more.parquet"))
    small_disk(shutil.disk_usage(state).used + MIB)

    ended = tribolake("run", *flags, **environment)
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert "the disk is full" in output and "Traceback" not in output
    assert "set aside" not in output and "build without" not in output
    small_disk(200 * MIB)
    ended = tribolake("run", *flags, **environment)
    assert ended.returncode in (0, 4), ended.stdout + ended.stderr  # 4 for rows that the file has twice
    assert "failed" not in ended.stdout
    assert re.search(r"^published .*gold/emin", ended.stdout, re.MULTILINE), ended.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is of Linux")
def test_failure_on_a_full_disk_is_on_record(small_disk, tmp_path: Path):
    settings = load_settings(lake=tmp_path / "lake", state_dir=small_disk(MIB))
    with record_attempt(settings):
        pass
    write_heartbeat(settings.state, heartbeat("idle"))
    with suppress(OSError), (settings.state / "other program").open("wb", buffering=0) as file:
        while file.write(b"\0" * 4096):
            pass
    with suppress(RunFailed), record_attempt(settings):
        write_heartbeat(settings.state, heartbeat("running"))
        raise RunFailed("No space left on device")
    assert read_attempt(settings)["exit_code"] == 1
    assert "Free some space" in read_attempt(settings)["problem"]
    found = read_heartbeat(settings.state)
    assert found is not None and found.state == "running"


WRITERS: dict[str, Callable[[Path], None]] = {
    "append": lambda path: append_durably(path, CONTENT),
    "write": lambda path: write_durably(path, CONTENT.decode()),
    "replace": lambda path: write_aside(path, CONTENT.decode()),
    "for a user": lambda path: place_for_user(path, CONTENT) and None,
    "object": lambda path: FolderObjects(path.parent, "").put(path.name, CONTENT),
    "new object": lambda path: FolderObjects(path.parent, "").put_new(path.name, CONTENT, Label()) and None,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_full_disk_is_named(small_disk, writer: str):
    """Of several disks one is full: the error of a write names none, so each writer has to."""
    path = small_disk(MIB // 4) / "record.json"
    with pytest.raises(OSError, match=rf"No space left on device: .*{path.name}") as raised:
        WRITERS[writer](path)
    assert not path.exists() or writer in ("append", "write")
    assert "Free some space" in explain(raised.value)


def test_file_of_a_user_stays_and_a_folder_is_not_replaced(small_disk):
    disk = small_disk(MIB // 4)
    (disk / "file").write_bytes(b"before")
    (disk / "folder").mkdir()
    (disk / "link").symlink_to("file")
    with pytest.raises(OSError, match="No space left"):
        place_for_user(disk / "file", CONTENT)
    with pytest.raises(IsADirectoryError):
        place_for_user(disk / "folder", b"after")
    assert (disk / "file").read_bytes() == b"before"
    place_for_user(disk / "link", b"after")
    place_for_user(Path("/dev/null"), b"after")
    assert ((disk / "file").read_bytes(), (disk / "link").is_symlink()) == (b"after", True)
    assert {path.name for path in disk.iterdir()} == {"file", "folder", "link"}
    assert Path("/dev/null").is_char_device()


def test_workbook_on_a_full_disk_is_told_once(small_disk, capfd: pytest.CaptureFixture[str]):
    sheet = Sheet("machines", [{"unit": secrets.token_hex(40)} for _ in range(5000)])
    with pytest.raises(OSError, match="No space left"):
        place_for_user(small_disk(MIB // 8) / "fleet.xlsx", workbook_of([sheet]))
    gc.collect()
    assert capfd.readouterr().err == ""


def heartbeat(state: State) -> Heartbeat:
    now = datetime.now(UTC)
    return Heartbeat(os.getpid(), now, now, state, last_run=None, lag_seconds=0, backlog=0)
