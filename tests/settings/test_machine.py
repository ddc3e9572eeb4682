"""The default memory for DuckDB fits the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tribolake.settings import load_settings
from tribolake.settings.machine import database_memory, machine_memory_mb


@pytest.mark.parametrize(("machine_mb", "memory"), [(512, "450MB"), (8192, "2048MB"), (262_144, "4096MB")])
def test_memory_of_the_database_is_a_share_of_the_machine(machine_mb, memory):
    assert database_memory(machine_mb) == memory


def test_memory_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("tribolake.settings.machine.CGROUP_LIMITS", (limit, tmp_path / "none"))
    whole = machine_memory_mb()
    limit.write_text("max\n")
    assert machine_memory_mb() == whole
    limit.write_text(f"{1000 * 2**20}\n")
    assert machine_memory_mb() == 1000


def test_memory_that_is_set_stays(tmp_path: Path):
    assert load_settings(lake=tmp_path, memory_limit="1.5GB").memory_limit == "1.5GB"
    assert load_settings(lake=tmp_path).memory_limit.endswith("MB")
