"""The warm process: import dbt and parse the project once, then fork a new process for every run.

Importing and parsing take seconds, and two dbt runs in one process are not safe. So this process opens no warehouse and
starts no Python thread, and its forks begin clean. :mod:`tribolake.watch.runner` starts it, writes one request per line
to its stdin and reads one answer per line from its stdout. When stdin ends, it kills the run under way, without loss of
data, and ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from tribolake.errors import TribolakeError, explain
from tribolake.product import Product
from tribolake.run.dbt import parse_ahead
from tribolake.run.pipeline import run as run_pipeline
from tribolake.run.project import fingerprint_process
from tribolake.settings import Settings, load_settings

# Modules that a run of any product imports.
IMPORTED_AHEAD = (
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "dbt.adapters.duckdb.connections",
    "dbt.cli.main",
    "dbt.task.build",
)
STDIN = 0
Message = dict[str, Any]
Answer = Callable[[Message], None]


def serve(product: Product, settings: Settings) -> None:
    """Import and parse, then carry out requests until stdin ends."""
    # A service manager may send SIGTERM to all processes of a service, but only the watcher ends a run.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of libraries is not an answer

    def answer(message: Message) -> None:
        answers.write(json.dumps(message, ensure_ascii=False, default=str) + "\n")
        answers.flush()

    fingerprint = fingerprint_process(product)
    try:
        _get_warm(product, settings)
    except (TribolakeError, ImportError) as error:
        answer(_failure(error))
        return
    answer({"warm": fingerprint})
    while (line := _next_line()) is not None:
        _carry_out(product, settings, json.loads(line), answer)


def _get_warm(product: Product, settings: Settings) -> None:
    gc.disable()  # imports create a million objects and little garbage
    for module in (*IMPORTED_AHEAD, *product.imports):
        importlib.import_module(module)
    product.steps()
    settings.state.mkdir(parents=True, exist_ok=True)
    parse_ahead(product, settings)
    gc.enable()
    gc.collect()
    gc.freeze()  # a collection in a forked process would touch, and so copy, every page


def _carry_out(product: Product, settings: Settings, request: Message, answer: Answer) -> None:
    """Run in a new process. Answers when the run begins, and with its result."""
    fork = multiprocessing.get_context("fork")
    reading, writing = fork.Pipe(duplex=False)
    run = fork.Process(target=_run, args=(product, settings, request, writing))
    run.start()
    writing.close()
    answer({"started": run.pid})
    outcome = _outcome(run, reading)
    run.join()
    reading.close()
    answer(outcome or _exit_failure(run.exitcode or 0))
    run.close()


def _outcome(run: BaseProcess, reading: Connection) -> Message | None:
    """Receive the result of the run. None if it ended without one. If the watcher ends first, kill the run."""
    if reading not in wait([reading, STDIN]):
        kill_run(run.pid or 0)
        sys.exit()
    try:
        outcome: Message = reading.recv()
    except EOFError:
        return None
    return outcome


def _run(product: Product, settings: Settings, request: Message, outcome: Connection) -> None:
    """Run the pipeline in the forked process."""
    gc.disable()  # garbage collection takes a twentieth of such a short run
    os.setpgid(0, 0)  # so that its file readers are killed with it
    try:
        report = run_pipeline(product, settings, **request)
    except Exception as error:
        outcome.send(_failure(error))
    else:
        outcome.send({"report": report.as_dict() | {"needs_a_look": report.needs_a_look}})


def _failure(error: Exception) -> Message:
    return {"error": type(error).__name__, "message": explain(error)}


def _exit_failure(exit_code: int) -> Message:
    how = f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with code {exit_code}"
    return {"error": "RunKilled", "message": f"the run's process {how}: nothing is lost, the watcher runs again"}


def kill_run(pid: int) -> None:
    """Kill a run and its file readers."""
    for kill in (os.killpg, os.kill):  # the process group may not exist yet
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _next_line() -> str | None:
    """Read a line of stdin without a buffer, so that `wait` sees the next one. None at the end."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(STDIN, 1)
        if not byte:
            return None
        line += byte
    return line.decode().strip()


if __name__ == "__main__":
    serve(pkgutil.resolve_name(sys.argv[1]), load_settings())
