"""The kills of test_killed_run.py with other seeds, in a file for another worker."""

from __future__ import annotations

import pytest
from tests.e2e.test_killed_run import clean
from tests.support.killed_runs import STAGES, check_sequence

__all__ = ["clean"]


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(6, 12))
def test_other_deliveries_with_kills_end_as_without(clean, tmp_path, seed):
    hits = check_sequence(clean, tmp_path / "lake", seed)
    assert hits.keys() == set(STAGES) and hits.total() >= 11, hits
