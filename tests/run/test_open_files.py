"""A process that runs many times has no more open files for it."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from tests.support.lab_files import finning

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import load_settings


def open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.slow
def test_runs_of_one_process_close_what_they_open(parsed_project: None, tmp_path: Path):
    """Each run makes event loops for its Python models: dbt-duckdb leaves them to the collection of garbage."""
    settings, after_each = load_settings(lake=tmp_path), []
    for number in range(3):
        delivered = tmp_path / "oil-analysis" / "bronze" / "cda" / f"{number}.xlsx"
        delivered.parent.mkdir(parents=True, exist_ok=True)
        delivered.write_bytes(finning({"No. de control de laboratorio": f"N-{number}"}))
        run(OIL, settings)
        after_each.append(open_files())
    assert after_each[2] <= after_each[0]
