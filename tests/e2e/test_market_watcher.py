"""Test the watcher of the market product as a real process: what is staged starts a run, whoever stages it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.support.queues import wait_until
from tests.support.watchers import WatcherProcess

from tribolake.market.keys import IMPORT, RawKey
from tribolake.market.product import MARKET
from tribolake.market.sample import after_close, as_bytes, chart_of, random_walk
from tribolake.market.staging import stage
from tribolake.settings import load_settings

SHARE = random_walk("NVDA", 320)
FIRST, SECOND = date(2024, 2, 28), date(2024, 2, 29)


class MarketWatcher(WatcherProcess):
    command = ("market", "watch")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def watcher(tmp_path: Path, lake: Path) -> Iterator[MarketWatcher]:
    """A watcher of a lake that does not exist yet."""
    started = MarketWatcher(str(lake), tmp_path, lake / "_state" / "market", environment={})
    yield started
    started.kill()


def stage_day(lake: Path, day: date) -> str:
    key = RawKey(IMPORT, "NVDA", after_close(day))
    return stage(MARKET.of(load_settings(lake=str(lake))), key, as_bytes(chart_of(SHARE, day)), {}).key


@pytest.mark.slow
def test_market_watcher_runs_for_staged_responses_only(watcher: MarketWatcher, lake: Path):
    wait_until(lambda: "watching" in watcher.log() and (lake / "raw").is_dir())
    for number, day in enumerate((FIRST, SECOND), start=1):
        key = stage_day(lake, day)
        wait_until(lambda count=number: len(watcher.runs()) == count, 240)
        report = watcher.runs()[-1]
        assert report["clients"]["universe"]["changed"], (key, report)
        published = pq.read_table(lake / "market/gold/universe/indicators.parquet")
        assert max(published["session_date"].to_pylist()) == day
    # Files of the other product start no run of this one.
    other = lake / "oil-analysis" / "bronze" / "cda" / "2026-01-01"
    other.mkdir(parents=True)
    (other / "T-09.xlsx").write_bytes(b"not a workbook")
    wait_until(lambda: (beat := watcher.heartbeat()) is not None and beat.state == "idle")
    assert len(watcher.runs()) == 2 and watcher.stop() == 0
