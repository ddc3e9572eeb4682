"""Test that no page mixes two publications, and none fails, while one follows the other every half second."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.support.lab_files import finning
from tests.support.pictures import served
from tests.web.conftest import WAREHOUSE_ASIDE

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.slow
READERS = 4
EVERY_SECONDS = 0.5
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


def versions_of(gold: Path) -> list[str]:
    """The publications of a client, the older one first."""
    newer = (gold / "_current").readlink().name
    (older,) = (version.name for version in (gold / "_versions").iterdir() if version.name != newer)
    return [older, newer]


def publish(gold: Path, version: str) -> None:
    """Show a version, as a run does it: one rename of one link."""
    aside = gold / ".next"
    aside.symlink_to(Path("_versions") / version)
    aside.replace(gold / "_current")


def read_until(done: threading.Event, address: str, newer: str) -> Counter[tuple[bool, bool]]:
    """Read pages. Returns how often each had the newer run, and its unit or its report."""
    found: Counter[tuple[bool, bool]] = Counter()
    with httpx.Client(base_url=address, timeout=60) as client:
        while not done.is_set():
            report = client.get("/r", params={"client": "cda", "sample": NEW_SAMPLE})
            assert report.status_code in (200, 404)
            found[newer in report.text, report.status_code == 200] += 1
            fleet = client.get("/", params={"client": "cda", "show": 1000})
            assert fleet.status_code == 200
            found[newer in fleet.text, NEW_UNIT in fleet.text] += 1
    return found


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.thorough)])
def test_no_page_mixes_two_publications(settings: Settings, seconds: int):
    gold = settings.lake / "oil-analysis" / "gold" / "cda"
    older, newer = versions_of(gold)
    done = threading.Event()
    with served(settings) as address, ThreadPoolExecutor(READERS) as readers:
        reading = [readers.submit(read_until, done, address, newer) for _ in range(READERS)]
        for at in range(int(seconds / EVERY_SECONDS)):
            publish(gold, (older, newer)[at % 2])
            done.wait(EVERY_SECONDS)
        done.set()
        found = sum((one.result() for one in reading), Counter())
    assert set(found) == {(True, True), (False, False)}
