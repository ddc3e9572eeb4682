"""A machine is stopped at each step of a publication. Another one publishes, then the first one goes on."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.laboratory import STOPPED, Armed, Bench, Ended, bench_of, can_inject
from tests.support.drawn import drawn
from tests.support.small_warehouse import CLIENT, gold_of, published_mark, shelf_in
from tests.support.whole_lake import check_log_lines, check_snapshots

KINDS = ("create", "rename", "link", "folder", "remove")
WHERE = "oil-analysis/*"
POINTS = 20
LEASE_SECONDS = 0.5
LONGEST_WAIT = 60

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not can_inject(), reason="faults are injected on Linux, with gcc")]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_of(tmp_path_factory.mktemp("bench").resolve(), LEASE_SECONDS) as made:
        yield made


def publish_when_free(bench: Bench, lake: Path, run: str) -> Ended:
    """Publish as the other machine. The lease of the stopped one expires in seconds."""
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        ended = bench.laboratory.publish(lake, run, 3, lease=LEASE_SECONDS)
        if "another run holds" not in ended.output or time.monotonic() > deadline:
            return ended
        time.sleep(0.3)


@pytest.mark.parametrize("point", drawn(range(POINTS)))
def test_other_machine_publishes_while_one_is_stopped(bench: Bench, point: int, tmp_path: Path):
    lake = tmp_path.resolve() / "lake"
    shutil.copytree(bench.before, lake, symlinks=True)
    calls = sum(call.matches(KINDS, WHERE) for call in bench.calls)
    nth = 1 + point * calls // POINTS
    first = bench.laboratory.publish(lake, "run-2", 2, Armed(str(lake), KINDS, WHERE, nth, "stop"), LEASE_SECONDS)
    assert first.code == STOPPED, first
    assert published_mark(lake) in (1, 2)
    other = publish_when_free(bench, lake, "run-3")
    assert other.code == 0, other
    assert published_mark(lake) == 3
    assert bench.laboratory.go_on().code in (0, 1, 4)
    assert published_mark(lake) in (2, 3)  # whole, and at most the one call comes late in which it was stopped
    check_snapshots(gold_of(lake))
    assert publish_when_free(bench, lake, "run-4").code == 0
    assert published_mark(lake) == 3
    assert shelf_in(lake).shows({CLIENT: None})
    check_snapshots(gold_of(lake))
    check_log_lines(lake)
