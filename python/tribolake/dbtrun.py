"""dbt in this process: run the models, run the data tests, make the docs."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tribolake.errors import RunFailed
from tribolake.settings import PROJECT_DIR, Settings

TARGET_DIR = PROJECT_DIR / "target" / "lake"
# Tests of seeds judge the seeds, not a lake: they are run once for each state of the seeds.
TESTED_SEEDS = TARGET_DIR / "tested_seeds.sha256"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class FailedTest:
    """A data test that found offending rows, with the query that finds them."""

    name: str
    message: str
    query: str


@dataclass(frozen=True)
class Built:
    """What a build left: the tests that failed, and the columns of each model as its properties declare them."""

    failed_tests: list[FailedTest]
    columns: dict[str, list[str]]


@dataclass
class Dbt:
    """dbt for one lake; two runs at a time in one process are not safe."""

    settings: Settings
    progress: Progress = field(default=lambda _: None)

    def build(self, *, seeds: str | None, full_refresh: bool) -> Built:
        """Build the models and run the data tests.

        A failed test does not stop the build (see `data_tests` in dbt_project.yml): the caller decides what it means.

        Args:
            seeds: fingerprint of the seeds to load first; None where the warehouse has them.
            full_refresh: build incremental models anew.

        Raises:
            RunFailed: a model failed; the message holds what the database said.
        """
        test_seeds = seeds is not None and not (TESTED_SEEDS.exists() and TESTED_SEEDS.read_text() == seeds)
        command = build_command(load_seeds=seeds is not None, test_seeds=test_seeds, full_refresh=full_refresh)
        results = self._invoke(command)
        tests = [result for result in results if str(result.node.resource_type) == "test"]
        models = [result for result in results if str(result.node.resource_type) != "test"]
        if any(str(result.status) in ("error", "skipped") for result in models):
            cause = next(result for result in results if str(result.status) == "error")
            raise RunFailed(f"{cause.node.name} failed: {_first_lines(cause.message)}")
        failed = [
            FailedTest(result.node.name, _first_lines(result.message), result.node.compiled_code or "")
            for result in tests
            if str(result.status) != "pass"
        ]
        if test_seeds and seeds is not None and not failed:
            TESTED_SEEDS.write_text(seeds)
        return Built(failed, {result.node.name: list(result.node.columns) for result in models})

    def write_docs(self) -> Path:
        """Write the documentation as one HTML file that opens from disk."""
        self._invoke(["docs", "generate", "--static"], write_json=True)
        return TARGET_DIR / "static_index.html"

    def _invoke(self, command: Sequence[str], *, write_json: bool = False) -> list[Any]:
        # Importing dbt takes seconds: only a run that has something to do pays for it.
        with _without_collecting_garbage():
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
            from dbt.cli.main import dbtRunner  # noqa: PLC0415

        os.environ.update(self.settings.environment())
        runner = dbtRunner(callbacks=[self._on_event])
        with contextlib.chdir(self.settings.state):
            outcome = runner.invoke([*global_flags(write_json=write_json), *command, *project_flags()])
            # dbt keeps the warehouse open between commands; others want it, and it is to be on the disk.
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        if outcome.exception is not None:
            raise RunFailed(f"dbt {command[0]} failed: {_first_lines(str(outcome.exception))}")
        return list(getattr(outcome.result, "results", None) or [])

    def _on_event(self, event: Any) -> None:
        if event.info.name in ("LogStartLine", "LogTestResult"):
            self.progress(event.data.node_info.node_name)


def build_command(*, load_seeds: bool, test_seeds: bool, full_refresh: bool) -> list[str]:
    """The words of the dbt command; unit tests judge the code, not the data, and are left to `make test`."""
    command = ["build", "--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure"]
    if not load_seeds:
        command += ["--exclude-resource-type", "seed"]
    if not test_seeds:
        command += ["--exclude", "path:seeds,resource_type:test", "path:tests/data/seeds"]
    return [*command, "--full-refresh"] if full_refresh else command


def global_flags(*, write_json: bool = False) -> list[str]:
    return [
        "--no-use-colors",
        "--log-level",
        "none",
        "--log-level-file",
        "none",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
        "--write-json" if write_json else "--no-write-json",
    ]


def project_flags() -> list[str]:
    project = str(PROJECT_DIR)
    return [
        "--project-dir",
        project,
        "--profiles-dir",
        project,
        "--target",
        "lake",
        "--target-path",
        str(TARGET_DIR),
    ]


def import_ahead() -> None:
    """Import pandas on the side: pyarrow wants it when limits are computed, and queries leave a core free."""
    threading.Thread(target=__import__, args=("pandas",), daemon=True).start()


@contextlib.contextmanager
def _without_collecting_garbage() -> Iterator[None]:
    """Imports make a million objects and no garbage: looking for some takes a sixth of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _first_lines(message: str | None) -> str:
    return " ".join((message or "no message").split())[:600]
