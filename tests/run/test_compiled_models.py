"""Compiled models are kept for each state of the project, and whatever else is in the file is compiled again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tribolake.run.compiled_models import CompiledModel, CompiledProject, Seed, keep_project, read_project

PROJECT = CompiledProject(
    (CompiledModel("bars", "silver", "sql", 'select 1 as "é"', ("raw_responses",)),),
    (Seed("thresholds", "seeds", "seeds/market/thresholds.csv", {"indicator": "varchar"}),),
)


def test_kept_project_is_read_as_it_was(tmp_path: Path):
    keep_project(tmp_path / "models.json", "fingerprint", PROJECT)
    assert read_project(tmp_path / "models.json", "fingerprint") == PROJECT
    assert [path.name for path in tmp_path.iterdir()] == ["models.json"]


def test_other_state_of_the_project_is_compiled_again(tmp_path: Path):
    keep_project(tmp_path / "models.json", "fingerprint", PROJECT)
    assert read_project(tmp_path / "models.json", "another") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"fingerprint": "f"}', '{"fingerprint": "f", "project": {"models": 1}}']
)
def test_damaged_file_is_compiled_again(tmp_path: Path, text: str):
    (tmp_path / "models.json").write_text(text)
    assert read_project(tmp_path / "models.json", "f") is None
    assert read_project(tmp_path / "none.json", "f") is None
