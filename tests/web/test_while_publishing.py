"""Test that no page mixes two publications, fails or waits, while one follows the other every half second."""

from __future__ import annotations

import shutil
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.support.lab_files import finning
from tests.support.next_publication import current_run, forget_old, publish_again
from tests.support.pictures import served
from tests.web.conftest import WAREHOUSE_ASIDE

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
READERS = 4
EVERY_SECONDS = 0.5
KEPT = 2  # versions, as a run keeps them
NEW_UNIT, NEW_SAMPLE = "Z_99", "NEW-1"


@pytest.fixture(scope="module")
def settings(page_lake: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with two publications of one client. The second one has one more unit."""
    settings = load_settings(lake=tmp_path_factory.mktemp("publishing") / "lake")
    shutil.copytree(page_lake.lake, settings.lake, symlinks=True)
    shutil.copy(page_lake.lake.parent / WAREHOUSE_ASIDE, settings.warehouse)
    workbook = settings.lake / "oil-analysis" / "bronze" / "cda" / "2026-02-02" / "new.xlsx"
    workbook.parent.mkdir()
    workbook.write_bytes(finning({"No. de control de laboratorio": NEW_SAMPLE, "ID de equipo": "Z-99"}))
    run(OIL, settings)
    return settings


def versions_of(gold: Path) -> tuple[str, str]:
    """The publications of a client, the older one first."""
    newer = current_run(gold)
    (older,) = (version.name for version in (gold / "_versions").iterdir() if version.name != newer)
    return older, newer


@dataclass
class Read:
    """Pages that were read: how often each had the newer run, and its unit or its report, and the seconds of each."""

    found: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def page(self, client: httpx.Client, path: str, **query: object) -> httpx.Response:
        started = time.perf_counter()
        answer = client.get(path, params={"client": "cda", **query})
        self.seconds.append(time.perf_counter() - started)
        return answer


def read_until(done: threading.Event, address: str, newer: str) -> Read:
    read = Read()
    with httpx.Client(base_url=address, timeout=60) as client:
        while not done.is_set():
            report = read.page(client, "/r", sample=NEW_SAMPLE)
            assert report.status_code in (200, 404)
            read.found[newer in report.text, report.status_code == 200] += 1
            fleet = read.page(client, "/", show=1000)
            assert fleet.status_code == 200
            read.found[newer in fleet.text, NEW_UNIT in fleet.text] += 1
    return read


def read_while(act: Callable[[], None], address: str, newer: str) -> Read:
    """Have several readers read until an act is done."""
    done = threading.Event()
    with ThreadPoolExecutor(READERS) as readers:
        reading = [readers.submit(read_until, done, address, newer) for _ in range(READERS)]
        try:
            act()
        finally:
            done.set()
        reads = [one.result() for one in reading]
    return Read(sum((one.found for one in reads), Counter()), [value for one in reads for value in one.seconds])


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.thorough)])
def test_no_page_mixes_or_waits_while_publishing(settings: Settings, seconds: int, capsys: pytest.CaptureFixture[str]):
    """Given a publication every half second, each is new to the server, and those before the last one are removed.

    `bench/pages.py` has the figures of a quiet machine. Here other tests take the processor, so the bound is wide.
    """
    gold = settings.lake / "oil-analysis" / "gold" / "cda"
    versions = versions_of(gold)

    def publish() -> None:
        for at in range(int(seconds / EVERY_SECONDS)):
            publish_again(gold, versions[at % 2], f"{versions[at % 2]}-{seconds}-{at:03}")
            forget_old(gold, KEPT, versions)
            time.sleep(EVERY_SECONDS)

    with served(settings) as address:
        quiet = read_while(lambda: time.sleep(seconds / 2), address, versions[1])
        busy = read_while(publish, address, versions[1])
    with capsys.disabled():
        sys.stdout.write(f"p95 of a page: {p95(quiet.seconds):.2f} s, while publishing {p95(busy.seconds):.2f} s\n")
    assert set(busy.found) == {(True, True), (False, False)}
    assert p95(busy.seconds) <= 3 * p95(quiet.seconds) + 0.3
