"""A run with too little memory: it says which setting helps, and the next run does its work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tribolake.oil.synth import write_sample_lake

TOO_LITTLE = "30MB"


@pytest.mark.slow
def test_first_run_without_memory_for_a_seed_names_the_setting(tmp_path: Path, tribolake):
    """No table of arrivals is there yet, in which the run could set contents aside."""
    write_sample_lake(tmp_path, finning_units=1, months=2, dirty=False, clients=("cda",))
    ended = tribolake("run", "--lake", str(tmp_path), TRIBOLAKE_MEMORY_LIMIT="3MB")
    last = ended.stderr.splitlines()[-1]
    assert (ended.returncode, "Out of Memory" in last) == (1, True), ended.stderr
    assert "Set TRIBOLAKE_MEMORY_LIMIT to more" in last
    assert tribolake("run", "--lake", str(tmp_path)).returncode in (0, 4)


@pytest.mark.slow
def test_run_without_memory_names_the_setting_and_loses_nothing(tmp_path: Path, tribolake):
    lake, more = tmp_path / "lake", tmp_path / "more"
    write_sample_lake(lake, finning_units=1, als_units=1, months=2, dirty=False)
    write_sample_lake(more, finning_units=2, als_units=20, months=12, dirty=False)
    flags = ("--lake", str(lake))
    assert tribolake("run", *flags).returncode in (0, 4)
    (table,) = (more / "oil-analysis" / "bronze" / "emin").rglob("*.parquet")
    (known,) = (lake / "oil-analysis" / "bronze" / "emin").rglob("*.parquet")
    shutil.copy(table, known.with_name("more.parquet"))

    ended = tribolake("run", *flags, TRIBOLAKE_MEMORY_LIMIT=TOO_LITTLE)
    last = ended.stderr.splitlines()[-1]
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "Out of Memory" in last and "Set TRIBOLAKE_MEMORY_LIMIT to more" in last
    assert "SET threads" not in ended.stderr
    assert tribolake("verify", *flags).returncode == 0
    checked = tribolake("status", "--check", *flags)
    assert (checked.returncode, "TRIBOLAKE_MEMORY_LIMIT" in checked.stdout) == (1, True), checked.stdout

    ended = tribolake("run", *flags)
    assert ended.returncode in (0, 4), ended.stderr
    assert "failed " not in ended.stdout
    assert tribolake("status", "--check", *flags).returncode in (0, 4)
