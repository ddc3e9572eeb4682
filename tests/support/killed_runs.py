"""Whole runs that are killed at a chosen moment, and what must hold at once and after the next run.

A warm process forks a process for every run, as the watcher does, so that a killed run costs two seconds and not ten.
The run says in which stage it is; it is killed a chosen time after it said so, and meanwhile a consumer keeps reading.
Nothing is replaced by a stand-in: the functions that announce a stage are the product's own, with a word before them.
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
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.oil.test_arrival_order import DELIVERED, Delivery, differences, put
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

from tribolake.oil.synth import write_sample_lake
from tribolake.settings import load_settings
from tribolake.watch.runner import FEW_THREADS
from tribolake.watch.warm import IMPORTED_AHEAD, kill_run

STAGES = ("discover", "read", "build", "test", "publish", "settle", "history", "record")
# What announces a stage beside the run's own progress: where it is called from, and the stage.
ANNOUNCED = {
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
    """What one run is asked to make of a lake: the files that are put there before, and the words of the request."""

    deliveries: tuple[Delivery, ...] = ()
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """A stage that a run has come to, at that many seconds after its beginning."""

    stage: str
    detail: str
    at: float


@dataclass(frozen=True)
class Segment:
    """A part of a run that can be aimed at: from the n-th time that it says a stage until it says another."""

    stage: str
    nth: int
    seconds: float


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def _corrected(table: pa.Table, by: int) -> pa.Table:
    """Whole numbers that stand alone as a result, multiplied; the sample numbers stay."""
    for at, name in enumerate(table.column_names):
        if name.endswith("_resultValue"):
            texts = table[name].cast(pa.string())
            is_whole = pc.fill_null(pc.match_substring_regex(texts, r"^[0-9]{1,4}$"), False)
            changed = pc.multiply(pc.if_else(is_whole, texts, "0").cast(pa.int64()), by).cast(pa.string())
            table = table.set_column(at, name, pc.if_else(is_whole, changed, texts))
    return table


def sequence(folder: Path) -> list[Step]:
    """A first delivery, more of it, a correction, a file written over, repeated files, the rest; then all limits."""
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
            ("emin/2026-02-01/first.parquet", _parquet(pa.concat_tables(parts[:2]))),
        ],
        [("emin/2026-02-02/more.parquet", _parquet(parts[2]))],
        [("emin/2026-02-03/correction.parquet", _parquet(_corrected(known, 2)))],
        # Half of what the correction said is withdrawn with it, the other half is said otherwise.
        [("emin/2026-02-03/correction.parquet", _parquet(_corrected(known.slice(0, part // 4), 5)))],
        [
            ("cda/2026-02-04/copy of T-01.xlsx", workbook),
            ("emin/2026-02-04/copy of more.parquet", _parquet(parts[2])),
        ],
        [("emin/2026-02-05/rest.parquet", _parquet(parts[3]))],
    )
    steps = [
        Step(tuple(Delivery(key, content, DELIVERED + at * 86400) for key, content in files))
        for at, files in enumerate(written)
    ]
    return [*steps, Step(request=RECALCULATE)]


class WarmProcess:
    """A process that has dbt imported and the project parsed, and forks a process for every run."""

    def __init__(self, folder: Path) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._asked, theirs = spawn.Pipe()
        self._heard, saying = spawn.Pipe(duplex=False)
        self._process = spawn.Process(target=_serve, args=(folder, theirs, saying))
        with pytest.MonkeyPatch.context() as patched:
            for name, value in FEW_THREADS.items():
                patched.setenv(name, value)
            self._process.start()
        theirs.close()
        saying.close()
        self._runs = 0

    def run(
        self,
        lake: Path,
        request: dict[str, Any],
        *,
        aim: tuple[Segment, float] | None = None,
        alone: bool = False,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Flight:
        """A run in a process of its own.

        Args:
            lake: the lake's folder.
            request: arguments of `tribolake.run.pipeline.run`.
            aim: kill it in this segment, when this share of the segment's time is over; None lets it end.
            alone: kill the run's own process only, and leave the processes that read files for it to themselves.
            meanwhile: done over and over while the run goes on.
        """
        self._runs += 1
        self._asked.send((self._runs, lake, request))
        pid = self._asked.recv()
        said: list[Said] = []
        killed = False
        deadline = time.monotonic() + LONGEST_SECONDS
        while not self._asked.poll():
            assert time.monotonic() < deadline, f"a run hangs after {said[-1:]}"
            if not self._heard.poll(0.01):
                meanwhile()
                continue
            self._hear(said)
            if aim and not killed and Counter(words.stage for words in said)[aim[0].stage] == aim[0].nth:
                # At the latest when it says that it is elsewhere: it may be faster than the one that was measured.
                self._heard.poll(aim[0].seconds * aim[1])
                killed = True
                with suppress(ProcessLookupError):
                    (_kill_alone if alone else kill_run)(pid)
        exit_code = self._asked.recv()
        while self._heard.poll():
            self._hear(said)
        return Flight(said, killed=exit_code == -signal.SIGKILL and said[-1].stage != LAST)

    def stop(self) -> None:
        self._asked.close()
        self._process.join()
        self._heard.close()

    def _hear(self, said: list[Said]) -> None:
        run, words = self._heard.recv()
        if run == self._runs:
            said.append(words)


@dataclass(frozen=True)
class Flight:
    """A run that ended or was killed: the stages that it came to."""

    said: list[Said]
    killed: bool

    @property
    def stage(self) -> str:
        """The stage in which it ended."""
        return self.said[-1].stage

    @property
    def segments(self) -> list[Segment]:
        seen: Counter[str] = Counter()
        found = []
        for here, following in zip(self.said, self.said[1:], strict=False):
            seen[here.stage] += 1
            found.append(Segment(here.stage, seen[here.stage], following.at - here.at))
        return found

    def seconds_of(self, stage: str) -> float:
        return sum(segment.seconds for segment in self.segments if segment.stage == stage)

    def check_it_ended_well(self) -> None:
        assert (self.stage, self.said[-1].detail) == (LAST, ""), self.said[-1]


def _kill_alone(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def _serve(folder: Path, requests: Connection, saying: Connection) -> None:
    """The warm process: everything that takes time, and nothing that leaves a mark on what is forked."""
    for module in IMPORTED_AHEAD:
        importlib.import_module(module)
    from tribolake.run.dbt import parse_ahead  # noqa: PLC0415 - takes time

    folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(lake=folder)
    settings.state.mkdir(parents=True, exist_ok=True)
    parse_ahead(settings)
    gc.collect()
    gc.freeze()
    fork = multiprocessing.get_context("fork")
    with suppress(EOFError):
        while True:
            number, lake, request = requests.recv()
            run = fork.Process(target=_run, args=(number, lake, request, saying))
            run.start()
            requests.send(run.pid)
            run.join()
            requests.send(run.exitcode)


def _run(number: int, lake: Path, request: dict[str, Any], saying: Connection) -> None:
    """The forked process."""
    from tribolake.run import pipeline  # noqa: PLC0415 - imported ahead

    os.setpgid(0, 0)
    began = time.perf_counter()
    stage = ""

    def say(now: str, detail: str = "") -> None:
        nonlocal stage
        if now == stage:
            return
        stage = now
        saying.send((number, Said(now, detail[:600], time.perf_counter() - began)))

    def announced(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            before = stage
            say(name)
            done = function(*arguments, **named)
            if name != STAGES[-1]:
                say(before)
            return done

        return call

    for (module, function), name in ANNOUNCED.items():
        place = importlib.import_module(module)
        setattr(place, function, announced(getattr(place, function), name))

    def progress(words: str) -> None:
        say(_stage_of(words, stage))

    try:
        report = pipeline.run(load_settings(lake=lake), progress=progress, **request)
    except Exception as error:
        say(LAST, f"{type(error).__name__}: {error}")
    else:
        say(LAST, "; ".join([*report.failed_tests, *report.problems.values(), *map(str, report.failed_files)]))


def _stage_of(words: str, stage: str) -> str:
    """The stage that a run is in when it reports this progress."""
    own = {"discover": "discover", "build": "read", "publish": "publish", "history": "history"}
    if words in own:
        return own[words]
    # Models follow the reading of files, which the first of them but for seeds waits for.
    return "build" if stage == "read" and words.startswith(("int_", "stg_")) else stage


@dataclass(frozen=True)
class CleanLake:
    """A lake after one of the steps, whose runs were left alone."""

    folder: Path
    flight: Flight

    @cached_property
    def published(self) -> dict[str, Published]:
        return {client: published(self.folder, client) for client in CLIENTS}


class CleanLakes:
    """Lakes after each of the steps, made when they are wanted."""

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
            flight = self.warm.run(lake, self.steps[at].request)
            flight.check_it_ended_well()
            self._after.append(CleanLake(lake, flight))
        return self._after[step]

    @cached_property
    def at_once(self) -> Path:
        """The lake in which every file was there from the start."""
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

    Every stage is aimed at, and `extra` of them once more. The kills of one step follow each other, so that runs that
    make good are killed too. Even seeds begin with an empty lake, odd ones with the first delivery published.

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
    for _ in range(MOST_ROUNDS):  # a calculation of all limits can be asked for again, and comes to every stage
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
        segments = [segment for segment in expected.flight.segments if segment.stage == aim]
        if not segments:
            missed.append(aim)
            continue
        (segment,) = chance.choices(segments, weights=[segment.seconds for segment in segments])
        flight = clean.warm.run(
            lake, step.request, aim=(segment, chance.random()), alone=chance.random() < 0.3, meanwhile=look
        )
        if flight.killed:
            hits[flight.stage] += 1
            check_readers(lake, before, expected.published)
        else:  # it had less to do than expected, and ended
            flight.check_it_ended_well()
        if flight.stage != aim:
            missed.append(aim)
    clean.warm.run(lake, step.request, meanwhile=look).check_it_ended_well()
    check_recovered(lake, expected.folder)
    check_decisions(lake, expected.folder)
    return missed
