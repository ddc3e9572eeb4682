"""A file or folder that may not be read is told for as long as that is so, and read as soon as it may be."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tribolake.lake.ledger import MAX_ATTEMPTS
from tribolake.oil.synth import write_sample_lake

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions() -> None:
    """Permissions hold for root too in a process without these capabilities."""
    with suppress(AttributeError):  # not on Linux
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def call(*words: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "tribolake", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
        preexec_fn=obey_permissions,
    )
    return ended.returncode, ended.stdout


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are of POSIX")
def test_refused_file_is_told_until_it_may_be_read(tmp_path: Path):
    write_sample_lake(tmp_path, finning_units=2, als_units=1, months=2, dirty=False)
    refused = sorted((tmp_path / "oil-analysis" / "bronze" / "cda").rglob("*.xlsx"))[1]
    key, flags = refused.relative_to(tmp_path).as_posix(), ("--lake", str(tmp_path))
    refused.chmod(0)
    for attempt in range(MAX_ATTEMPTS + 2):
        code, output = call("run", *flags)
        assert code == (4 if attempt < MAX_ATTEMPTS else 0), output
        assert (f"failed {key}: cannot be opened (Permission denied)" in output) == (attempt < MAX_ATTEMPTS)
        code, output = call("status", *flags)
        assert f"failed {key}: cannot be opened (Permission denied). Check its name and permissions" in output
        code, output = call("status", "--check", *flags)
        assert (code, key in output) == (4, True), output
    refused.chmod(0o644)
    code, output = call("run", *flags)
    assert code == 0 and "1 new files" in output, output
    assert call("status", "--check", *flags)[0] == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are of POSIX")
def test_refused_folder_is_told_until_it_may_be_read(tmp_path: Path):
    write_sample_lake(tmp_path, finning_units=1, als_units=1, months=2, dirty=False)
    flags = ("--lake", str(tmp_path))
    assert call("run", *flags)[0] == 0
    (known,) = (tmp_path / "oil-analysis" / "bronze" / "cda").rglob("*.xlsx")
    refused = known.parents[1] / "2026-02-02"
    refused.mkdir()
    shutil.copy(known, refused / "T-02.xlsx")
    refused.chmod(0)
    key = refused.relative_to(tmp_path).as_posix()
    for _ in range(2):
        code, output = call("run", *flags)
        assert (code, f"unread folder {key}: it cannot be listed" in output) == (4, True), output
        code, output = call("status", *flags)
        assert f"unread folder {key}: it cannot be listed" in output
        assert call("status", "--check", *flags)[0] == 4
    code, output = call("run", "--full-refresh", *flags)  # would publish without its samples
    assert (code, f"1 folders cannot be listed, such as {key}" in output) == (1, True), output
    refused.chmod(0o755)
    code, output = call("run", *flags)
    assert code == 0 and "1 new files" in output, output
    assert call("status", "--check", *flags)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("leaves", ["an empty folder", "a file", "nothing"])
def test_bronze_that_is_away_is_told_and_loses_nothing(tmp_path: Path, leaves: str):
    """As when its mount is missing. A run that reads every file would publish nothing, and close the history."""
    write_sample_lake(tmp_path, finning_units=1, als_units=1, months=2, dirty=False)
    flags = ("--lake", str(tmp_path))
    assert call("run", *flags)[0] == 0
    bronze = tmp_path / "oil-analysis" / "bronze"
    away = bronze.rename(tmp_path / "away")
    if leaves == "an empty folder":
        bronze.mkdir()
    elif leaves == "a file":
        bronze.write_text("x")
    for command in ("run", "status"):
        code, output = call(command, *flags)
        assert "unread folder oil-analysis/bronze: it cannot be listed, or is empty" in output, output
        assert code == (4 if command == "run" else 0)
    code, output = call("run", "--full-refresh", *flags)
    assert (code, "Mount it or put the files back" in output) == (1, True), output
    if bronze.exists():
        bronze.rmdir() if bronze.is_dir() else bronze.unlink()
    away.rename(bronze)
    code, output = call("run", *flags)
    assert code == 0, output
    assert call("verify", *flags)[0] == 0
