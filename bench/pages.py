"""Measure the pages as ratios to their floor: `make bench`.

The floor is one query of a Parquet file that a DuckDB in memory has open: the reports of a unit. Each page is asked of
the application in this process, of other machines and reports each time. Prints a table and one JSON object.

    python bench/pages.py                     generated sample files, about 9 200 samples
    python bench/pages.py --lake DIR          a lake in a folder in which a run has published
    python bench/pages.py --scale 10          more sample files
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import psutil
from starlette.testclient import TestClient

from measuring import measure
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import load_settings
from tribolake.web.app import make_app

MONTHS = 50
SAID = 60  # pages of each kind
GOLD = "oil-analysis/gold"


@dataclass(frozen=True)
class Timing:
    """Milliseconds of a kind of page, and the ratios of the median and of the 95th percentile to those of the floor."""

    name: str
    median_ms: float
    p95_ms: float
    ratio: float
    p95_ratio: float

    @classmethod
    def of(cls, name: str, took: list[float], bottom: list[float]) -> Timing:
        median, late = statistics.median(took), p95(took)
        ratios = median / statistics.median(bottom), late / p95(bottom)
        return cls(name, *(round(value, 1) for value in (median, late, *ratios)))


def milliseconds(acts: Iterable[Callable[[], object]]) -> list[float]:
    found = []
    for act in acts:
        started = time.perf_counter()
        act()
        found.append((time.perf_counter() - started) * 1000)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def floor(files: list[str], units: list[tuple[str, str]]) -> list[float]:
    """Time the floor: `units` are pairs of client and unit."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set parquet_metadata_cache = true")
        select = "select sampleNumber, sampleDate, report_status from read_parquet($files) where unitId = $unit"

        def ask(unit: str) -> Callable[[], object]:
            return lambda: connection.execute(select, {"files": files, "unit": unit}).fetchall()

        ask(units[0][1])()
        return milliseconds(ask(unit) for _, unit in units)


def measure_pages(lake: Path) -> tuple[list[Timing], dict[str, float]]:
    """Return the timings of each kind of page, and the first page and the memory of the process."""
    files = [str(path.resolve()) for path in sorted((lake / GOLD).glob("*/classified_reports.parquet"))]
    known = duckdb.execute(
        "select lower(client), unitId, sampleNumber, sampleOccurrence, laboratory from read_parquet($1) order by all",
        [files],
    ).fetchall()
    chosen = random.Random(7).sample(known, min(SAID, len(known)))  # noqa: S311 - protects nothing
    bottom = floor(files, [(client, unit) for client, unit, *_ in chosen])

    def complain(line: str) -> None:
        raise SystemExit(line)

    started = time.perf_counter()
    client = TestClient(make_app(load_settings(lake=lake), complain), base_url="http://127.0.0.1:8710")

    def page(path: str, **query: str) -> Callable[[], object]:
        address = f"{path}?{urlencode(query)}"

        def ask() -> None:
            answer = client.get(address)
            if answer.status_code != 200:
                raise SystemExit(f"{address} answered {answer.status_code}: {answer.text[:500]}")

        return ask

    page("/")()
    first = (time.perf_counter() - started) * 1000
    kinds = {
        "fleet": [page("/")] * SAID,
        "machine": [page("/m", client=name, unit=unit) for name, unit, *_ in chosen],
        "report": [
            page("/r", client=name, sample=sample, occurrence=occurrence, laboratory=laboratory)
            for name, _, sample, occurrence, laboratory in chosen
        ],
    }
    timings = [Timing.of("floor: one pinned query", bottom, bottom)]
    timings += [Timing.of(name, milliseconds(acts), bottom) for name, acts in kinds.items()]
    return timings, {"first_page_ms": round(first), "resident_mb": round(psutil.Process().memory_info().rss / 2**20)}


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
        timings, whole = measure_pages(lake)
    print(f"{'page':28}{'median ms':>10}{'p95 ms':>9}{'ratio':>7}{'p95 ratio':>11}")
    for timing in timings:
        print(
            f"{timing.name:28}{timing.median_ms:10.1f}{timing.p95_ms:9.1f}{timing.ratio:7.1f}{timing.p95_ratio:11.1f}"
        )
    print(json.dumps({"pages": [asdict(timing) for timing in timings], **whole}, ensure_ascii=False))


if __name__ == "__main__":
    main()
