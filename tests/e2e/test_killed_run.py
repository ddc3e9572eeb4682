"""Kill runs at any moment. The next run ends as if nothing had happened.

Other seeds are in test_killed_run_again.py, so that two workers share them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.support.killed_runs import (
    RECALCULATE,
    STAGES,
    CleanLakes,
    Segment,
    check_sequence,
    check_step,
    clean_lakes,
    copy_lake,
)
from tests.support.whole_lake import check_recovered

# During the models, and after all of them were built but not published.
MOMENTS = [("build", 0.3), ("build", 0.6), ("test", 0.3)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanLakes]:
    with clean_lakes(tmp_path_factory.mktemp("lakes")) as lakes:
        yield lakes


@pytest.mark.slow
@pytest.mark.parametrize(
    "stages",
    [("publish", "settle", "history"), pytest.param(("discover", "read", "build"), marks=pytest.mark.thorough)],
)
def test_run_after_three_killed_runs_recovers(clean, tmp_path, stages):
    copy_lake(clean.after(0).folder, tmp_path / "lake")
    hits: Counter[str] = Counter()
    check_step(clean, tmp_path / "lake", 1, stages, random.Random(5), hits)  # noqa: S311 - moments, not secrets
    assert hits.total() == 3


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(6))
def test_deliveries_with_kills_in_every_stage_end_as_without(clean, tmp_path, seed):
    hits = check_sequence(clean, tmp_path / "lake", seed)
    assert hits.keys() == set(STAGES) and hits.total() >= 11, hits


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize(("stage", "share"), MOMENTS)
def test_run_after_killed_run_judges_by_its_own_policy(clean, tmp_path, stage, share):
    lake, before = tmp_path / "lake", clean.after(0)
    copy_lake(before.folder, lake)
    seconds = before.observed.seconds_of(stage)
    assert clean.warm.run(lake, {"policy": "reference"}, aim=(Segment(stage, 1, seconds), share)).killed
    clean.warm.run(lake, {}).check_it_ended_well()
    check_recovered(lake, before.folder)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize(("stage", "share"), MOMENTS)
def test_killed_calculation_of_limits_is_repeated(clean, tmp_path, stage, share):
    lake, after = tmp_path / "lake", clean.after(len(clean.steps) - 1)
    copy_lake(clean.after(len(clean.steps) - 2).folder, lake)
    seconds = after.observed.seconds_of(stage)
    assert clean.warm.run(lake, RECALCULATE, aim=(Segment(stage, 1, seconds), share)).killed
    clean.warm.run(lake, {}).check_it_ended_well()
    check_recovered(lake, after.folder)
