"""Whole runs that are killed at a chosen moment, with checks at once and after the next run.

A warm process forks a process for every run, as the watcher does, so that a killed run costs two seconds and not ten.
The run reports each stage and is killed a chosen time after a report. During the run a consumer keeps reading.
No function is replaced by a stub: those that mark a stage are the product's own, with a report before the call.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.oil.test_arrival_order import DELIVERED, Delivery, differences, put
from tests.support.als_tables import as_parquet, with_results_times
from tests.support.whole_lake import (
    CLIENTS,
    NOTHING,
    Published,
    check_decisions,
    check_readers,
    check_recovered,
    published,
    readable,
)

from tribolake.oil.product import OIL
from tribolake.oil.synth import write_sample_lake
from tribolake.settings import load_settings
from tribolake.watch.runner import FEW_THREADS
from tribolake.watch.warm import IMPORTED_AHEAD, kill_run

STAGES = ("discover", "read", "build", "test", "publish", "settle", "history", "record")
# Functions that mark a stage that the run's own progress does not report: module and name, with the stage.
STAGE_FUNCTIONS = {
    ("tribolake.run.dbt", "ask_tests"): "test",
    ("tribolake.publish.in_folder", "settle"): "settle",
    ("tribolake.run.pipeline", "record_run"): "record",
}
RECALCULATE = {"recalculate_limits": True}
LAST = "done"
LONGEST_SECONDS = 120
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Step:
    """Input of one run: the files that are delivered before it, and the arguments of the run."""

    deliveries: tuple[Delivery, ...] = ()
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageReport:
    """A stage that a run has reached, `at` seconds after its start."""

    stage: str
    detail: str
    at: float


@dataclass(frozen=True)
class Segment:
    """A part of a run that a kill can aim at: from the n-th report of a stage until the next report."""

    stage: str
    nth: int
    seconds: float


def sequence(folder: Path) -> list[Step]:
    """Make a first delivery, more files, a correction, an overwritten file, repeated files, the rest and all limits."""
    write_sample_lake(folder, finning_units=1, als_units=5, months=12)
    bronze = folder / "oil-analysis" / "bronze"
    (workbook,) = (path.read_bytes() for path in (bronze / "cda").rglob("*.xlsx"))
    (table_path,) = (bronze / "emin").rglob("*.parquet")
    table = pq.read_table(table_path)
    order = random.Random(1).sample(range(len(table)), len(table))  # noqa: S311 - an order, not a secret
    part = len(table) // 4
    parts = [table.take(order[at * part : (at + 1) * part]) for at in range(3)] + [table.take(order[3 * part :])]
    known = parts[0].slice(0, part // 2)
    written = (
        [
            ("cda/2026-02-01/T-01.xlsx", workbook),
            ("emin/2026-02-01/first.parquet", as_parquet(pa.concat_tables(parts[:2]))),
        ],
        [("emin/2026-02-02/more.parquet", as_parquet(parts[2]))],
        [("emin/2026-02-03/correction.parquet", as_parquet(with_results_times(known, 2)))],
        # Half of the correction is withdrawn, the other half has other values.
        [("emin/2026-02-03/correction.parquet", as_parquet(with_results_times(known.slice(0, part // 4), 5)))],
        [
            ("cda/2026-02-04/copy of T-01.xlsx", workbook),
            ("emin/2026-02-04/copy of more.parquet", as_parquet(parts[2])),
        ],
        [("emin/2026-02-05/rest.parquet", as_parquet(parts[3]))],
    )
    steps = [
        Step(tuple(Delivery(key, content, DELIVERED + at * 86400) for key, content in files))
        for at, files in enumerate(written)
    ]
    return [*steps, Step(request=RECALCULATE)]


class WarmProcess:
    """A process that has imported dbt and parsed the project, and forks a process for every run."""

    def __init__(self, folder: Path) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._requests, theirs = spawn.Pipe()
        self._reports, reporting = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=_serve, args=(folder, theirs, reporting))
        with pytest.MonkeyPatch.context() as patched:
            for name, value in FEW_THREADS.items():
                patched.setenv(name, value)
            self._process.start()
        theirs.close()
        reporting.close()
        self._runs = 0

    def run(
        self,
        lake: Path,
        request: dict[str, Any],
        *,
        aim: tuple[Segment, float] | None = None,
        alone: bool = False,
        during: Callable[[], object] = lambda: None,
    ) -> ObservedRun:
        """Run in a new process.

        Args:
            lake: the lake's folder.
            request: arguments of `tribolake.run.pipeline.run`.
            aim: kill it in this segment, after this share of the segment's time. None lets it end.
            alone: kill only the run's own process, not the processes that read files for it.
            during: called repeatedly during the run.
        """
        self._runs += 1
        self._requests.send((self._runs, lake, request))
        pid = self._requests.recv()
        reports: list[StageReport] = []
        killed = False
        deadline = time.monotonic() + LONGEST_SECONDS
        while not self._requests.poll():
            assert time.monotonic() < deadline, f"a run hangs after {reports[-1:]}"
            if not self._reports.poll(0.01):
                during()
                continue
            self._receive(reports)
            if aim and not killed and Counter(report.stage for report in reports)[aim[0].stage] == aim[0].nth:
                # At the latest at the next report: this run may be faster than the measured one.
                self._reports.poll(aim[0].seconds * aim[1])
                killed = True
                with suppress(ProcessLookupError):
                    (_kill_alone if alone else kill_run)(pid)
        exit_code = self._requests.recv()
        while self._reports.poll():
            self._receive(reports)
        return ObservedRun(reports, killed=exit_code == -signal.SIGKILL and reports[-1].stage != LAST)

    def stop(self) -> None:
        self._requests.close()
        self._process.join()
        self._reports.close()

    def _receive(self, reports: list[StageReport]) -> None:
        run, report = self._reports.recv()
        if run == self._runs:
            reports.append(report)


@dataclass(frozen=True)
class ObservedRun:
    """A run that ended or was killed, with the stages that it reached."""

    reports: list[StageReport]
    killed: bool

    @property
    def stage(self) -> str:
        """The last stage."""
        return self.reports[-1].stage

    @property
    def segments(self) -> list[Segment]:
        seen: Counter[str] = Counter()
        found = []
        for here, following in zip(self.reports, self.reports[1:], strict=False):
            seen[here.stage] += 1
            found.append(Segment(here.stage, seen[here.stage], following.at - here.at))
        return found

    def seconds_of(self, stage: str) -> float:
        return sum(segment.seconds for segment in self.segments if segment.stage == stage)

    def check_it_ended_well(self) -> None:
        assert (self.stage, self.reports[-1].detail) == (LAST, ""), self.reports[-1]


def _kill_alone(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _serve(folder: Path, requests: Connection, reporting: Connection) -> None:
    """Serve as the warm process: do all slow work, and nothing that would affect forked runs."""
    for module in (*IMPORTED_AHEAD, *OIL.imports):
        importlib.import_module(module)
    from tribolake.run.dbt import parse_ahead  # noqa: PLC0415 - takes time

    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(lake=folder)
    settings.state.mkdir(parents=True, exist_ok=True)
    parse_ahead(OIL, settings)
    gc.collect()
    gc.freeze()
    fork = multiprocessing.get_context("fork")
    with suppress(EOFError):
        while True:
            number, lake, request = requests.recv()
            run = fork.Process(target=_run, args=(number, lake, request, reporting))
            run.start()
            requests.send(run.pid)
            run.join()
            requests.send(run.exitcode)


def _run(number: int, lake: Path, request: dict[str, Any], reporting: Connection) -> None:
    """Run in the forked process, and report each stage."""
    from tribolake.run import pipeline  # noqa: PLC0415 - imported ahead

    os.setpgid(0, 0)
    began = time.perf_counter()
    stage = ""

    def report_stage(now: str, detail: str = "") -> None:
        nonlocal stage
        if now == stage:
            return
        stage = now
        reporting.send((number, StageReport(now, detail[:600], time.perf_counter() - began)))

    def announced(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            before = stage
            report_stage(name)
            done = function(*arguments, **named)
            if name != STAGES[-1]:
                report_stage(before)
            return done

        return call

    for (module, function), name in STAGE_FUNCTIONS.items():
        place = importlib.import_module(module)
        setattr(place, function, announced(getattr(place, function), name))

    def progress(message: str) -> None:
        report_stage(_stage_of(message, stage))

    try:
        report = pipeline.run(OIL, load_settings(lake=lake), progress=progress, **request)
    except Exception as error:
        report_stage(LAST, f"{type(error).__name__}: {error}")
    else:
        report_stage(LAST, "; ".join([*report.failed_tests, *report.problems.values(), *map(str, report.failed_files)]))


def _stage_of(message: str, stage: str) -> str:
    """Return the stage of a run after this progress message."""
    own = {"discover": "discover", "build": "read", "publish": "publish", "history": "history"}
    if message in own:
        return own[message]
    # Models follow the reading of files: the first one waits for it.
    return "build" if stage == "read" and message.startswith(("int_", "stg_")) else stage


@dataclass(frozen=True)
class CleanLake:
    """A lake after one of the steps, in which no run was killed."""

    folder: Path
    observed: ObservedRun

    @cached_property
    def published(self) -> dict[str, Published]:
        return {client: published(self.folder, client) for client in CLIENTS}


class CleanLakes:
    """Lakes after each of the steps, made on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = sequence(folder / "files")
        self.warm = WarmProcess(folder / "warm")
        self._after: list[CleanLake] = []

    def after(self, step: int) -> CleanLake:
        while len(self._after) <= step:
            at = len(self._after)
            lake = self.folder / f"clean {at}"
            copy_lake(self._after[-1].folder if at else None, lake)
            put(load_settings(lake=lake), self.steps[at].deliveries)
            observed = self.warm.run(lake, self.steps[at].request)
            observed.check_it_ended_well()
            self._after.append(CleanLake(lake, observed))
        return self._after[step]

    @cached_property
    def at_once(self) -> Path:
        """A lake in which every file was there at the first run."""
        lake = self.folder / "at once"
        for step in self.steps:
            put(load_settings(lake=lake), step.deliveries)
        self.warm.run(lake, {}).check_it_ended_well()
        return lake


@contextmanager
def clean_lakes(folder: Path) -> Iterator[CleanLakes]:
    lakes = CleanLakes(folder)
    try:
        yield lakes
    finally:
        lakes.warm.stop()


def copy_lake(source: Path | None, target: Path) -> None:
    if source is None:
        target.mkdir(parents=True)
    else:
        shutil.copytree(source, target, symlinks=True)


def check_sequence(clean: CleanLakes, lake: Path, seed: int, extra: int = 3) -> Counter[str]:
    """Deliver step by step, kill the run of each step in one or more stages, and let the next one end.

    Kills aim at every stage, and at `extra` of them again. The kills of one step follow each other, so that repeating
    runs are killed too. Even seeds begin with an empty lake, odd ones with the first delivery published.

    Returns:
        Kills by the stage that they hit.
    """
    chance = random.Random(seed)  # noqa: S311 - moments to kill at, not secrets
    first = seed % 2
    if first:
        copy_lake(clean.after(0).folder, lake)
    aims = [*chance.sample(STAGES, len(STAGES)), *chance.choices(STAGES, k=extra)]
    hits: Counter[str] = Counter()
    for step in range(first, len(clean.steps)):
        left = len(clean.steps) - step
        most = -(-len(aims) // left) if left > 1 else len(aims)
        chosen = aims[:most] if left == 1 else aims[: chance.randint(min(1, len(aims)), most + 1)]
        missed = check_step(clean, lake, step, chosen, chance, hits)
        aims = [*aims[len(chosen) :], *missed]
    for _ in range(MOST_ROUNDS):  # a calculation of all limits can be repeated, and reaches every stage
        if aims:
            aims = check_step(clean, lake, len(clean.steps) - 1, aims, chance, hits)
    assert differences(lake, clean.at_once) == {}
    return hits


def check_step(
    clean: CleanLakes, lake: Path, at: int, aims: Sequence[str], chance: random.Random, hits: Counter[str]
) -> list[str]:
    """Deliver, kill a run in each of the stages one after the other, let the next one end and check everything.

    Returns:
        Stages that were not hit.
    """
    step, expected = clean.steps[at], clean.after(at)
    before = {client: clean.after(at - 1).published[client] if at else NOTHING for client in CLIENTS}
    put(load_settings(lake=lake), step.deliveries)

    def look() -> None:
        for client in CLIENTS:
            assert readable(lake, client) in (before[client].gold, expected.published[client].gold)

    missed = []
    for aim in aims:
        segments = [segment for segment in expected.observed.segments if segment.stage == aim]
        if not segments:
            missed.append(aim)
            continue
        (segment,) = chance.choices(segments, weights=[segment.seconds for segment in segments])
        observed = clean.warm.run(
            lake, step.request, aim=(segment, chance.random()), alone=chance.random() < 0.3, during=look
        )
        if observed.killed:
            hits[observed.stage] += 1
            check_readers(lake, before, expected.published)
        else:  # it had less to do than expected, and ended
            observed.check_it_ended_well()
        if observed.stage != aim:
            missed.append(aim)
    clean.warm.run(lake, step.request, during=look).check_it_ended_well()
    check_recovered(lake, expected.folder)
    check_decisions(lake, expected.folder)
    return missed
