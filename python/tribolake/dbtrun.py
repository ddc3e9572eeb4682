"""dbt in this process: run the models, run the data tests, make the docs."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tribolake.errors import RunFailed
from tribolake.settings import PROJECT_DIR, Settings

TARGET_DIR = PROJECT_DIR / "target" / "lake"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class FailedTest:
    """A data test that found offending rows, with the query that finds them."""

    name: str
    message: str
    query: str


@dataclass
class Dbt:
    """dbt for one lake. Parsing happens once, at the first command; two runs at a time are not safe."""

    settings: Settings
    progress: Progress = field(default=lambda _: None)
    _manifest: Any = None

    def build_models(self, *, with_seeds: bool, full_refresh: bool) -> int:
        """Build seeds (if asked) and models; gives how many nodes were built.

        Raises:
            RunFailed: a model failed; the message holds what the database said.
        """
        command = build_command(with_seeds=with_seeds, full_refresh=full_refresh)
        results = self._invoke(command)
        broken = [result for result in results if str(result.status) == "error"]
        if broken:
            first = broken[0]
            raise RunFailed(f"model {first.node.name} failed: {_first_lines(first.message)}")
        return len(results)

    def failed_tests(self, *, with_seeds: bool) -> list[FailedTest]:
        """Run the data tests, those of the seeds only if asked, and give those that failed."""
        results = self._invoke(test_command(with_seeds=with_seeds))
        return [
            FailedTest(result.node.name, _first_lines(result.message), result.node.compiled_code or "")
            for result in results
            if str(result.status) in ("fail", "error")
        ]

    def close(self) -> None:
        """Close the warehouse, which dbt keeps open between its commands, and write it to its file."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def write_docs(self) -> Path:
        """Write the documentation as one HTML file that opens from disk."""
        self._invoke(["docs", "generate", "--static"], write_json=True)
        self.close()
        return TARGET_DIR / "static_index.html"

    def columns_of(self, model: str) -> list[str]:
        """The columns of a model as its contract declares them, in order."""
        return list(self._manifest.nodes[f"model.tribolake.{model}"].columns)

    def _invoke(self, command: Sequence[str], *, write_json: bool = False) -> list[Any]:
        # Importing dbt takes seconds: only a run that has something to do pays for it.
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        os.environ.update(self.settings.environment())
        runner = dbtRunner(manifest=self._manifest, callbacks=[self._on_event])
        with contextlib.chdir(self.settings.state):
            if self._manifest is None:
                self._manifest = _succeeded(runner.invoke([*global_flags(), "parse", *project_flags()]))
                runner = dbtRunner(manifest=self._manifest, callbacks=[self._on_event])
            flags = global_flags(write_json=write_json)
            outcome = runner.invoke([*flags, *command, *project_flags()])
        if outcome.exception is not None:
            raise RunFailed(f"dbt {command[0]} failed: {_first_lines(str(outcome.exception))}")
        return list(getattr(outcome.result, "results", None) or [])

    def _on_event(self, event: Any) -> None:
        if event.info.name in ("LogStartLine", "LogTestResult"):
            self.progress(event.data.node_info.node_name)


def build_command(*, with_seeds: bool, full_refresh: bool) -> list[str]:
    """The words of the dbt command that builds the models."""
    kinds = ["model", "snapshot"] + (["seed"] if with_seeds else [])
    command = ["build"]
    for kind in kinds:
        command += ["--resource-type", kind]
    return [*command, "--full-refresh"] if full_refresh else command


def test_command(*, with_seeds: bool) -> list[str]:
    """The words of the dbt command that runs the data tests."""
    command = ["test", "--select", "test_type:data"]
    return command if with_seeds else [*command, "--exclude", "path:seeds", "path:tests/data/seeds"]


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


def _succeeded(outcome: Any) -> Any:
    if not outcome.success:
        raise RunFailed(f"dbt cannot read the project: {_first_lines(str(outcome.exception))}")
    return outcome.result


def _first_lines(message: str | None) -> str:
    return " ".join((message or "no message").split())[:600]
