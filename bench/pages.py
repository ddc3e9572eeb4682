"""Measure the pages as ratios to their floor: `make bench`.

The floor is one query of a Parquet file that a DuckDB in memory has open: the reports of a unit. `tribolake serve` is a
process of its own, with a copy of the published files. Each page is asked of other machines and reports each time: by
one reader, by four at once, and by four while a publication follows the other. Prints a table and one JSON object.

    PYTHONPATH=. python bench/pages.py                     generated sample files, about 9 200 samples
    PYTHONPATH=. python bench/pages.py --lake DIR          a lake in a folder in which a run has published
    PYTHONPATH=. python bench/pages.py --scale 10          more sample files
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import duckdb
import psutil
from tests.support.next_publication import current_run, forget_old, publish_again

from measuring import measure
from tribolake.oil.synth import write_sample_lake

MONTHS = 50
ASKED = 60  # pages of each kind
READERS = 4
PUBLISHING_SECONDS, EVERY_SECONDS = 20, 0.5
KEPT = 2  # versions, as a run keeps them
PRODUCT = "oil-analysis"
ASSET = re.compile(rb'(?:href|src)="(/static/[^"]+)"')

Addresses = Mapping[str, Sequence[str]]  # of each kind of page
Times = dict[str, list[float]]  # milliseconds of each kind of page


@dataclass(frozen=True)
class Timing:
    """Milliseconds of a kind of page, and of the processor for each. The ratio is of 95th percentiles, to the floor."""

    name: str
    median_ms: float
    p95_ms: float
    longest_ms: float
    cpu_ms: float | None
    p95_ratio: float


def timing_of(name: str, took: Sequence[float], floor_p95: float, cpu_ms: float | None = None) -> Timing:
    median, late, longest = (round(value, 1) for value in (statistics.median(took), p95(took), max(took)))
    return Timing(name, median, late, longest, cpu_ms and round(cpu_ms, 1), round(p95(took) / floor_p95, 1))


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def milliseconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def floor(files: list[str], units: list[str]) -> list[float]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set parquet_metadata_cache = true")
        select = "select sampleNumber, sampleDate, report_status from read_parquet($files) where unitId = $unit"

        def ask(unit: str) -> Callable[[], object]:
            return lambda: connection.execute(select, {"files": files, "unit": unit}).fetchall()

        ask(units[0])()
        return [milliseconds(ask(unit)) for unit in units]


@contextmanager
def served(lake: Path) -> Iterator[tuple[psutil.Popen, str]]:
    """Serve a lake in another process, which readers do not slow down. Yields the process and its host."""
    words = (sys.executable, "-m", "tribolake", "serve", "--lake", str(lake), "--port", "0")
    with psutil.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield server, urlsplit(server.stdout.readline().strip()).netloc
        finally:
            server.terminate()


class Failed(Exception):
    """A page was not answered."""


class Browser:
    """One reader: a connection that stays open."""

    def __init__(self, host: str) -> None:
        self.connection = HTTPConnection(host, timeout=60)

    def get(self, address: str) -> bytes:
        """Return a page.

        Raises:
            Failed: its status is not 200.
        """
        self.connection.request("GET", address)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failed(f"{address} answered {answer.status}: {body[:500]!r}")
        return body


def cpu_ms(process: psutil.Popen) -> float:
    used = process.cpu_times()
    return (used.user + used.system) * 1000


def asked_by_one(server: psutil.Popen, host: str, addresses: Addresses) -> tuple[Times, dict[str, float]]:
    """Ask for each kind of page in turn. Returns the times, and what each page took of the server's processor."""
    browser, used = Browser(host), {}
    took: Times = {}
    for kind, asked in addresses.items():
        before = cpu_ms(server)
        took[kind] = [milliseconds(partial(browser.get, address)) for address in asked]
        used[kind] = (cpu_ms(server) - before) / len(asked)
    return took, used


def asked_by_many(host: str, addresses: Addresses, done: threading.Event | None = None) -> tuple[Times, int]:
    """Ask by several readers at once, each in another order: for all pages once, or until something is done.

    Returns the times, and how many pages were not answered.
    """
    every = [(kind, address) for kind, asked in addresses.items() for address in asked]

    failed: list[str] = []

    def read(seed: int) -> Times:
        browser, took = Browser(host), defaultdict(list)
        mixed = random.Random(seed).sample(every, len(every))  # noqa: S311 - protects nothing
        for kind, address in cycle(mixed) if done else islice(mixed, len(mixed) // READERS):
            if done and done.is_set():
                break
            try:
                took[kind].append(milliseconds(partial(browser.get, address)))
            except Failed as error:
                failed.append(str(error))
        return took

    with ThreadPoolExecutor(READERS) as readers:
        found = list(readers.map(read, range(READERS)))
    return {kind: [value for one in found for value in one[kind]] for kind in addresses}, len(failed)


def asked_while_publishing(lake: Path, host: str, addresses: Addresses) -> tuple[Times, int]:
    """Ask while each half second another publication of a client is shown, which the server has never seen."""
    golds = sorted((lake / PRODUCT / "gold").iterdir())
    first = {gold: current_run(gold) for gold in golds}
    done = threading.Event()

    def publish() -> None:
        for number in range(int(PUBLISHING_SECONDS / EVERY_SECONDS)):
            gold = golds[number % len(golds)]
            publish_again(gold, first[gold], f"{first[gold]}-{number:03}")
            done.wait(EVERY_SECONDS)
            forget_old(gold, KEPT, first.values())
        done.set()

    with ThreadPoolExecutor(1) as publisher:
        publishing = publisher.submit(publish)
        found = asked_by_many(host, addresses, done)
        publishing.result()
    return found


def first_visit_kb(host: str) -> dict[str, float]:
    """Return the kilobytes of the fleet and what it loads, as sent and as gzip."""
    browser = Browser(host)
    page = browser.get("/")
    parts = [page, *(browser.get(name.decode()) for name in sorted(set(ASSET.findall(page))))]
    return {
        "first_visit_kb": round(sum(map(len, parts)) / 1000, 1),
        "first_visit_gzip_kb": round(sum(len(gzip.compress(part)) for part in parts) / 1000, 1),
    }


def measure_pages(lake: Path) -> tuple[list[Timing], dict[str, float]]:
    """Return the timings of each kind of page, and of the process its first page, memory and size of a visit."""
    files = [str(path.resolve()) for path in sorted((lake / PRODUCT / "gold").glob("*/classified_reports.parquet"))]
    known = duckdb.execute(
        "select lower(client), unitId, sampleNumber, sampleOccurrence, laboratory from read_parquet($1) order by all",
        [files],
    ).fetchall()
    chosen = random.Random(7).sample(known, min(ASKED, len(known)))  # noqa: S311 - protects nothing
    bottom = floor(files, [unit for _, unit, *_ in chosen])
    addresses = {
        "fleet": ["/"] * ASKED,
        "machine": [f"/m?{urlencode({'client': client, 'unit': unit})}" for client, unit, *_ in chosen],
        "report": [
            f"/r?{urlencode({'client': client, 'sample': sample, 'occurrence': occurrence, 'laboratory': laboratory})}"
            for client, _, sample, occurrence, laboratory in chosen
        ],
    }
    started = time.perf_counter()
    with served(lake) as (server, host):
        Browser(host).get("/")
        whole = {"first_page_ms": round((time.perf_counter() - started) * 1000)} | first_visit_kb(host)
        alone, used = asked_by_one(server, host, addresses)
        whole["resident_mb"] = round(server.memory_info().rss / 2**20)
        together, whole["failed"] = asked_by_many(host, addresses)
        publishing, whole["failed_while_publishing"] = asked_while_publishing(lake, host, addresses)
        whole["resident_after_mb"] = round(server.memory_info().rss / 2**20)
    low = p95(bottom)
    timings = [timing_of("floor: one pinned query", bottom, low)]
    timings += [timing_of(kind, took, low, used[kind]) for kind, took in alone.items()]
    timings += [timing_of(f"{kind}, {READERS} readers", took, low) for kind, took in together.items()]
    timings += [timing_of(f"{kind}, while publishing", took, low) for kind, took in publishing.items()]
    return timings, whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", type=Path, help="a lake in which a run has published")
    parser.add_argument("--scale", type=int, default=1, help="how many times the sample files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = arguments.lake or Path(folder) / "lake"
        if not arguments.lake:
            write_sample_lake(lake, finning_units=7 * arguments.scale, als_units=40 * arguments.scale, months=MONTHS)
            measure(sys.executable, "-m", "tribolake", "run", "--lake", str(lake))
        copy = Path(folder) / "copy"
        shutil.copytree(lake / PRODUCT / "gold", copy / PRODUCT / "gold", symlinks=True)
        timings, whole = measure_pages(copy)
    print(f"{'page':28}{'median ms':>10}{'p95 ms':>9}{'longest':>9}{'cpu ms':>8}{'p95 ratio':>11}")
    for one in timings:
        took = f"{one.median_ms:10.1f}{one.p95_ms:9.1f}{one.longest_ms:9.1f}"
        print(f"{one.name:28}{took}{one.cpu_ms or '':>8}{one.p95_ratio:11.1f}")
    print(json.dumps({"pages": [asdict(timing) for timing in timings], **whole}, ensure_ascii=False))


if __name__ == "__main__":
    main()
