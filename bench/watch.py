"""Measure the watcher: time from the last byte of a new workbook to published gold, and memory over many runs.

Workbooks come one at a time. Each is a slice of a workbook of the lake with new sample numbers. The time ends when the
manifest of the client names the new file. Prints a table and one JSON object.

    python bench/watch.py                       generated sample files
    python bench/watch.py --bronze DIR          the laboratory files of a folder with one folder per client
    python bench/watch.py --runs 500            also memory over 500 runs, every 50th with a new workbook
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import xlsxwriter
from python_calamine import CalamineWorkbook

from tribolake.oil.seeds import read_seed
from tribolake.oil.synth import write_sample_lake
from tribolake.watch.heartbeat import read_heartbeat

MONTHS = 50
PATIENCE_SECONDS = 300.0
WARMED_UP_RUNS = 20
NEW_WORKBOOK_EVERY = 50
CLIENT = "cda"  # the client whose files are workbooks


@dataclass(frozen=True)
class Delivery:
    """Seconds from the last byte of a workbook to published gold, and seconds of the run itself."""

    seconds: float
    run_seconds: float

    @property
    def before_seconds(self) -> float:
        """Seconds outside the run: settling, listing and forking."""
        return self.seconds - self.run_seconds


@dataclass(frozen=True)
class Memory:
    """Memory and open files of the watcher and its warm process after some runs."""

    runs: int
    watcher_mb: float
    warm_mb: float
    open_files: int


class Watcher:
    """A watcher on a lake."""

    def __init__(self, lake: Path, **environment: str) -> None:
        self.lake = lake
        self.out = lake / "runs.jsonl"
        self.out.unlink(missing_ok=True)
        with self.out.open("w") as out, (lake / "watch.log").open("w") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", "tribolake", "watch", "--lake", str(lake), "--json"],
                stdout=out,
                stderr=log,
                env=os.environ | environment,
            )

    def wait_for_runs(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.runs_so_far() < number:
            if time.monotonic() > deadline or not self.process.is_running():
                raise SystemExit(f"the watcher does not run: {(self.lake / 'watch.log').read_text()[-2000:]}")
            time.sleep(0.02)

    def wait_until_idle(self) -> None:
        while (beat := read_heartbeat(self.lake / "_state")) is None or beat.state != "idle" or beat.last_run is None:
            time.sleep(0.05)

    def runs_so_far(self) -> int:
        return self.out.read_bytes().count(b"\n")

    def reports(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]

    def memory(self) -> Memory:
        (warm,) = self.process.children()
        megabyte = 2**20
        return Memory(
            self.runs_so_far(),
            round(self.process.memory_info().rss / megabyte, 1),
            round(warm.memory_info().rss / megabyte, 1),
            self.process.num_fds() + warm.num_fds(),
        )


@contextmanager
def watching(lake: Path, **environment: str) -> Iterator[Watcher]:
    """Start a watcher and wait for its first run."""
    watcher = Watcher(lake, **environment)
    try:
        watcher.wait_for_runs(1)
        yield watcher
    finally:
        watcher.process.send_signal(signal.SIGTERM)
        watcher.process.wait()


class Workbooks:
    """Makes new workbooks: slices of one workbook with new sample numbers."""

    def __init__(self, template: Path, rows: int) -> None:
        workbook = CalamineWorkbook.from_path(template)
        keys = {row["sheet"]: row["key_header"] for row in read_seed("lab_sheets")}
        self._rows = rows
        self._numbers = count(1)
        self._sheets: dict[str, tuple[int, list[list[Any]]]] = {}
        for name in workbook.sheet_names:
            cells = workbook.get_sheet_by_name(name).to_python()
            if name in keys and cells:
                self._sheets[name] = (cells[0].index(keys[name]), cells)

    def write(self, path: Path) -> Path:
        number = next(self._numbers)
        with xlsxwriter.Workbook(str(path), {"default_date_format": "dd-mm-yyyy hh:mm:ss"}) as book:
            for name, (key, cells) in self._sheets.items():
                sheet = book.add_worksheet(name)
                samples = [row for row in cells[1:] if row[key] not in ("", None)]
                start = number * self._rows % max(1, len(samples) - self._rows)
                written = [cells[0], *(self._renamed(row, key, number) for row in samples[start : start + self._rows])]
                for position, row in enumerate(written):
                    for column, cell in enumerate(row):
                        if isinstance(cell, str | bool | int | float | datetime | date | timedelta) and cell != "":
                            sheet.write(position, column, cell)
        return path

    @staticmethod
    def _renamed(row: list[Any], key: int, number: int) -> list[Any]:
        return [f"{cell}-{number}" if column == key else cell for column, cell in enumerate(row)]


def deliver(watcher: Watcher, workbook: Path, name: str) -> Delivery:
    """Put a workbook into bronze and wait until gold names it."""
    runs = watcher.runs_so_far()
    folder = watcher.lake / "oil-analysis" / "bronze" / CLIENT / "2030-01-01"
    folder.mkdir(exist_ok=True)
    link = watcher.lake / "oil-analysis" / "gold" / CLIENT / "_current"
    before = link.readlink()
    shutil.copyfile(workbook, folder / name)
    complete = time.perf_counter()
    while link.readlink() == before:
        time.sleep(0.002)
        if time.perf_counter() - complete > PATIENCE_SECONDS:
            raise SystemExit(f"{name} was not published: {(watcher.lake / 'watch.log').read_text()[-2000:]}")
    seconds = time.perf_counter() - complete
    watcher.wait_for_runs(runs + 1)
    watcher.wait_until_idle()
    stages = watcher.reports()[-1]["stages"]
    # Gold is published during the last stage, so earlier stages count as the run.
    before_publishing = sum(stages[name] for name in ("discover", "build", "word", "test"))
    return Delivery(round(seconds, 3), round(min(seconds, before_publishing), 3))


def deliveries(lake: Path, workbooks: Workbooks, aside: Path, times: int) -> list[Delivery]:
    with watching(lake) as watcher:
        watcher.wait_until_idle()
        return [
            deliver(watcher, workbooks.write(aside / "new.xlsx"), f"new-{position}.xlsx") for position in range(times)
        ]


def memory_over(lake: Path, workbooks: Workbooks, aside: Path, runs: int) -> tuple[Memory, Memory, float]:
    """Measure memory after some and after many runs, and median seconds of a run with nothing new."""
    folder = lake / "oil-analysis" / "bronze" / CLIENT / "2031-01-01"
    folder.mkdir()
    with watching(lake, TRIBOLAKE_WATCH_RESCAN_SECONDS="0.02") as watcher:
        watcher.wait_for_runs(WARMED_UP_RUNS)
        early = watcher.memory()
        for begun in range(WARMED_UP_RUNS, runs, NEW_WORKBOOK_EVERY):
            shutil.copyfile(workbooks.write(aside / "new.xlsx"), folder / f"new-{begun}.xlsx")
            watcher.wait_for_runs(min(runs, begun + NEW_WORKBOOK_EVERY))
        late = watcher.memory()
        idle = [report["seconds"] for report in watcher.reports() if report["nothing_new"]]
    return early, late, statistics.median(idle)


def summary(delivered: Sequence[Delivery]) -> dict[str, float]:
    return {
        "median_seconds": round(statistics.median(each.seconds for each in delivered), 2),
        "worst_seconds": round(max(each.seconds for each in delivered), 2),
        "median_outside_the_run": round(statistics.median(each.before_seconds for each in delivered), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bronze", type=Path, help="folder with one folder of laboratory files per client")
    parser.add_argument("--times", type=int, default=20, help="new workbooks, one after the other")
    parser.add_argument("--rows", type=int, default=30, help="rows of each sheet of a new workbook")
    parser.add_argument("--runs", type=int, default=0, help="measure memory over so many runs, 0 leaves it out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        aside, lake = Path(folder), Path(folder, "lake")
        bronze = lake / "oil-analysis" / "bronze"
        if arguments.bronze:
            shutil.copytree(arguments.bronze, bronze)
        else:
            write_sample_lake(lake, months=MONTHS)
        template_file = min(bronze.glob(f"{CLIENT}/**/*.xlsx"))
        template = Path(shutil.move(template_file, aside / template_file.name))
        workbooks = Workbooks(template, arguments.rows)
        found: dict[str, Any] = {"new_workbook": summary(deliveries(lake, workbooks, aside, arguments.times))}
        with watching(lake) as watcher:
            watcher.wait_until_idle()
            found["held_back_workbook"] = summary([deliver(watcher, template, template.name)])
        if arguments.runs:
            early, late, idle_seconds = memory_over(lake, workbooks, aside, arguments.runs)
            found |= {"nothing_new_seconds": idle_seconds, "memory": [asdict(early), asdict(late)]}
    print(f"{'last byte to published gold':36}{'median s':>10}{'worst s':>10}{'outside the run':>17}")
    for name in ("new_workbook", "held_back_workbook"):
        median, worst, outside = found[name].values()
        print(f"{name.replace('_', ' '):36}{median:10.2f}{worst:10.2f}{outside:17.2f}")
    for after in found.get("memory", []):
        held = f"watcher {after['watcher_mb']:.1f} MB, warm process {after['warm_mb']:.1f} MB"
        print(f"after {after['runs']} runs: {held}, {after['open_files']} open files")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
