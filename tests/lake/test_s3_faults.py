"""A lake on an S3 server with faults: gold ends as it would without them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.lake.test_lake_homes import als_row
from tests.support.lake_homes import PRODUCT, InBucket, InFolder, everything_published, fill, gold_of, logged
from tests.support.s3_fixtures import new_buckets
from tests.support.servers.faults import FaultyServer
from tests.support.servers.plan import PASSING, Fault
from tests.support.servers.server import S3Server

from tribolake.errors import TribolakeError
from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.run.pipeline import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]
DELIVERIES = 10
FAULTS_OF_A_DELIVERY = 20
RATE = 0.3
SERVERS = ("moto", "rgw")
WAITING = (Fault.DELAY, Fault.LATE_REPLY)


@pytest.fixture(scope="module")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("sample")
    write_sample_lake(lake, finning_units=1, als_units=3, months=8, dirty=False)
    return lake


@contextmanager
def a_reader(home: InBucket, client: str) -> Iterator[list[str]]:
    """Read gold repeatedly, as a consumer does. Yields the list of errors that it finds."""
    wrong: list[str] = []
    is_over = threading.Event()
    readings = 0

    def read() -> None:
        nonlocal readings
        while not is_over.is_set():
            try:
                gold_of(home, client)
            except AssertionError as error:
                wrong.append(str(error))
            readings += 1

    gold_of(home, client)
    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        thread.join()
        assert readings > 1


def run_until_done(home: InBucket, machine: str) -> int:
    """Start runs until one succeeds, as an hourly job does. Returns how many failed."""
    for failed in range(20):
        try:
            if not run(OIL, home.settings(machine)).needs_a_look:
                return failed
        except TribolakeError:
            continue
    raise AssertionError("20 runs failed one after the other")


@pytest.mark.parametrize(
    ("server", "deliveries"),
    [
        *((server, DELIVERIES // 5) for server in SERVERS),
        *(pytest.param(server, DELIVERIES, marks=pytest.mark.thorough) for server in SERVERS),
    ],
)
def test_gold_after_hundreds_of_faults_equals_a_clean_run(
    request: pytest.FixtureRequest,
    server: str,
    deliveries: int,
    faulty: Callable[[S3Server], FaultyServer],
    sample_lake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
):
    proxy = faulty(request.getfixturevalue(server))
    for name, value in proxy.server.environment.items():
        monkeypatch.setenv(name, value)
    direct = InBucket(request.getfixturevalue(server), new_buckets(request.getfixturevalue(server)).lake, tmp_path)
    options = {"s3_timeout_seconds": 1, "lease_seconds": 20}
    home = InBucket(proxy.server, direct.bucket, tmp_path / "disks", options)
    folder = InFolder(tmp_path / "lake")
    for each in (direct, folder):
        fill(each, sample_lake)
    run(OIL, home.settings("a"))
    run(OIL, folder.settings())
    failed = 0
    with a_reader(direct, "emin") as wrong:
        for delivery in range(deliveries):
            content = als_row(sample_lake, f"ROW-{delivery}")
            for each in (direct, folder):
                each.put(f"{PRODUCT}/bronze/emin/2026-03-0{1 + delivery % 9}/{delivery}.parquet", content)
            proxy.plan.at_random(RATE, delivery, PASSING)
            proxy.plan.at_random(RATE / 20, delivery, WAITING, seconds=1.5)
            failed += run_until_done(home, "ab"[delivery % 2])
            proxy.plan.calm()
            run(OIL, folder.settings())
    assert wrong == []
    injured = {(each.request.operation, each.fault) for each in proxy.injured}
    assert len(proxy.injured) >= FAULTS_OF_A_DELIVERY * deliveries
    assert {operation for operation, _ in injured} >= {
        "GetObject", "HeadObject", "PutObject", "CopyObject", "DeleteObject", "ListObjectsV2", "UploadPart",
    }  # fmt: skip
    clean = everything_published(folder)
    for name, rows in everything_published(direct).items():
        assert rows.equals(clean[name]), name
    lines = [(line["client"], line["entity"], line["added"], line["removed"]) for line in logged(direct)]
    assert sorted(lines) == sorted(
        (line["client"], line["entity"], line["added"], line["removed"]) for line in logged(folder)
    )
    record_property("faults", f"{len(proxy.injured)} of {len(proxy.passed)} requests, {failed} runs failed")
