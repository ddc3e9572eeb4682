"""Wordings, and processes that keep and fold them until they end or are killed at a chosen line."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.model_endpoints import pattern_of, reply_of

from tribolake.lake.replicas import open_objects
from tribolake.oil.wording.segment import segment_names
from tribolake.oil.wording.segments import Wordings, open_wordings
from tribolake.oil.wording.transfer import export_wordings
from tribolake.oil.wording.wording import Configuration, Wording, cache_key, canonical_json
from tribolake.settings import load_settings

CONFIGURATION = Configuration("v1", "a-model", 0.2, "es")
# Code that writes or removes files, or decides to.
CODE = (
    "/wording/segments.py",
    "/wording/segment.py",
    "/lake/objects.py",
    "/lake/objects_in_bucket.py",
    "/lake/files.py",
)
# Imported once. Forked processes have them.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.kept_wordings", "tribolake.lake.store"])


def wording(number: int, text: str = "", prompt_version: str = "v1") -> Wording:
    """Return the wording of a made-up pattern. `text` makes it another answer, which no phrase matches."""
    pattern = pattern_of(number).text
    configuration = Configuration(prompt_version, CONFIGURATION.model, CONFIGURATION.temperature, "es")
    reply = json.loads(reply_of()) | ({"opening": text} if text else {})
    key = cache_key(pattern, configuration)
    return Wording(key, configuration, pattern, canonical_json(reply), "2026-01-31T06:00:00+00:00", 700, 90)


def wordings(numbers: Iterable[int], text: str = "", prompt_version: str = "v1") -> list[Wording]:
    return [wording(number, text, prompt_version) for number in numbers]


def keep_each(kept: Wordings, many: Iterable[Wording]) -> list[Wording]:
    """Keep wordings one by one, in a segment each."""
    every = list(many)
    for one in every:
        kept.keep(one)
    return every


def by_key(many: Iterable[Wording]) -> dict[str, Wording]:
    return {one.cache_key: one for one in many}


class _Rows(Wordings):
    """Wordings that were not checked."""

    def __init__(self, rows: Sequence[Wording]) -> None:
        self._unchecked = list(rows)

    def everything(self) -> list[Wording]:
        return self._unchecked


def exported(rows: Sequence[Wording], path: Path) -> Path:
    """Write rows to a file as an export does, valid or not."""
    export_wordings(_Rows(rows), path)
    return path


def start(
    job: Callable[..., None],
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    *arguments: Any,
    kill_at: int | None = None,
) -> BaseProcess:
    """Start a job on the wordings of a lake in a new process.

    Args:
        job: `job(kept, *arguments)`, a function of a module.
        flags: of `load_settings`.
        environment: further variables of the process.
        arguments: of the job.
        kill_at: kill the process after this number of lines of `CODE`.
    """
    process = FORKS.Process(target=_work, args=(job, dict(flags), dict(environment), arguments, kill_at))
    process.start()
    return process


def was_killed(process: BaseProcess) -> bool:
    """Wait for the end of a process. Returns True if it was killed. Fails for any other error."""
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), f"exit code {process.exitcode}"
    return process.exitcode != 0


def _work(
    job: Callable[..., None],
    flags: dict[str, Any],
    environment: dict[str, str],
    arguments: Sequence[Any],
    kill_at: int | None,
) -> None:
    os.environ.update(environment)
    kept = open_wordings(load_settings(**flags))
    if kill_at is not None:
        _die_at(kill_at)
    job(kept, *arguments)


def _die_at(line: int) -> None:
    """Die after this number of lines of `CODE`, in any thread."""
    left = line

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.endswith(CODE):
            return None
        if event == "line":
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    threading.settrace(count)
    sys.settrace(count)


def keep_job(kept: Wordings, numbers: Sequence[int]) -> None:
    keep_each(kept, wordings(numbers))


def fold_job(kept: Wordings) -> None:
    kept.fold(everything=True)


def fold_often_job(kept: Wordings, numbers: Sequence[int]) -> None:
    for number in numbers:
        kept.keep(wording(number))
        kept.fold(everything=True)


def check_killed_folds(flags: Mapping[str, Any], environment: Mapping[str, str], step: int, least: int) -> None:
    """Kill folds at every `step`th line, at least `least` times. No wording may be lost."""
    settings, many, attempts, is_killed = load_settings(**flags), wordings(range(6)), 0, True
    while is_killed:
        keep_each(open_wordings(settings), many)
        line = step * attempts + 1
        is_killed = was_killed(start(fold_job, flags, environment, kill_at=line))
        attempts += 1
        for _ in range(2):
            assert open_wordings(settings).find([one.cache_key for one in many]) == by_key(many), line
            assert open_wordings(settings).count() == {"v1": len(many)}
            open_wordings(settings).fold(everything=True)
        assert len(segment_names(open_objects(settings))) == 1
    assert attempts > least


def check_killed_writers(flags: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Kill writers at every second line. Each leaves a whole wording or none."""
    outcomes: list[tuple[bool, bool]] = []
    while not outcomes or outcomes[-1][0]:
        number = len(outcomes)
        one = wording(number)
        killed = was_killed(start(keep_job, flags, environment, [number], kill_at=2 * number + 1))
        found = open_wordings(load_settings(**flags)).find([one.cache_key])
        assert found in ({}, {one.cache_key: one})
        outcomes.append((killed, bool(found)))
    assert len(outcomes) > 10
    assert [is_there for _, is_there in outcomes] == sorted(is_there for _, is_there in outcomes)
    assert (True, True) in outcomes


def check_reader_during_folds(flags: Mapping[str, Any], environment: Mapping[str, str], number: int) -> None:
    """Read while another process keeps wordings and folds. Every reader finds the earlier wordings."""
    settings = load_settings(**flags)
    there = keep_each(open_wordings(settings), wordings(range(number)))
    process = start(fold_often_job, flags, environment, range(number, 2 * number))
    reader, looks = open_wordings(settings), 0
    while process.is_alive():
        found = (open_wordings(settings) if looks % 2 else reader).find([one.cache_key for one in there])
        assert found == by_key(there)
        looks += 1
    assert looks > 1
    assert not was_killed(process)
    assert reader.count() == {"v1": 2 * number}
