"""dbt in this process: build the models and ask their data tests, take the snapshots, make the docs."""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import RunFailed
from tribolake.run.data_tests import DataTest, Finding, ask_tests, compiled_tests, keep_tests, read_tests
from tribolake.run.project import fingerprint_sources
from tribolake.settings import PROJECT_DIR, SECRETS, Settings

TARGET_DIR = PROJECT_DIR / "target" / "lake"
# Tests of seeds judge the seeds, not a lake: they are run once for each state of the seeds.
TESTED_SEEDS = TARGET_DIR / "tested_seeds.sha256"
COMPILED_TESTS = TARGET_DIR / "data_tests.json"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class ParsedProject:
    """A manifest of dbt, and the fingerprint of the project it was made from."""

    fingerprint: str
    manifest: Any


# Of a process that parsed ahead: what it forks need not parse, as long as the project stays as it was.
PARSED: ParsedProject | None = None


@dataclass
class Dbt:
    """dbt for one lake; two runs at a time in one process are not safe."""

    settings: Settings
    progress: Progress = field(default=lambda _: None)

    def build(self, *, load_seeds: bool, rebuild: bool) -> dict[str, list[str]]:
        """Build the models.

        Args:
            load_seeds: load the seeds first; the warehouse may have them.
            rebuild: make every derived table anew, and the views.

        Returns:
            The columns of each model as its properties declare them.

        Raises:
            RunFailed: a model failed; the message holds what the database said.
        """
        nodes = self._run(build_command(load_seeds=load_seeds, rebuild=rebuild))
        return {node.name: list(node.columns) for node in nodes}

    def test(self, *, seeds: str | None) -> list[Finding]:
        """Ask the data tests of what was built. The caller decides what a failure means.

        Args:
            seeds: fingerprint of the seeds that were loaded; None where none were.

        Returns:
            Tests that failed or warn.
        """
        about = ["models"]
        if seeds is not None and not (TESTED_SEEDS.exists() and TESTED_SEEDS.read_text() == seeds):
            about.append("seeds")
        found = self._ask_tests(about)
        if seeds is not None and not found:
            TESTED_SEEDS.write_text(seeds)
        return found

    def snapshot(self) -> list[Finding]:
        """Bring the history up to what is published, and test it.

        Returns:
            Tests of the history that failed or warn.

        Raises:
            RunFailed: a snapshot failed; the next run makes up for it.
        """
        self._run(["snapshot"])
        return self._ask_tests(["history"])

    def compile(self, select: str, *, exclude: str = "") -> dict[str, str]:
        """Compile models.

        Args:
            select: nodes as dbt selects them; only the models of them are compiled.
            exclude: models to leave out, selected in the same way.

        Returns:
            Their SQL by name, as it would run on the warehouse. Each model follows the models that it reads.
        """
        command = ["compile", "--indirect-selection", "empty", "--select", f"{select},resource_type:model"]
        nodes = {node.unique_id: node for node in self._run([*command, *(("--exclude", exclude) if exclude else ())])}
        parents = {name: nodes.keys() & set(node.depends_on.nodes) for name, node in nodes.items()}
        return {nodes[name].name: nodes[name].compiled_code for name in TopologicalSorter(parents).static_order()}

    def write_docs(self) -> Path:
        """Write the documentation as one HTML file that opens from disk."""
        with self:
            self._invoke(["docs", "generate", "--static"], write_json=True)
        return TARGET_DIR / "static_index.html"

    def parse(self) -> Any:
        """The project as dbt understands it: its manifest is the same for every lake."""
        return self._invoke(["parse"])

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        """A connection to the warehouse that dbt holds open: what a build wrote need not reach the file first."""
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

        connection: duckdb.DuckDBPyConnection = DuckDBConnectionManager.env().conn.cursor()  # type: ignore[attr-defined]
        return connection

    def __enter__(self) -> Dbt:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the warehouse: dbt would keep it open, others want it, and it is to be on the disk."""
        if "dbt.adapters.duckdb.connections" in sys.modules:
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]

    def _run(self, command: Sequence[str], manifest: Any = None) -> list[Any]:
        """The nodes that were built."""
        results = list(getattr(self._invoke(command, manifest), "results", None) or [])
        if any(str(result.status) in ("error", "skipped") for result in results):
            cause = next(result for result in results if str(result.status) == "error")
            raise RunFailed(f"{cause.node.name} failed: {_first_lines(cause.message)}")
        return [result.node for result in results]

    def _ask_tests(self, about: Sequence[str]) -> list[Finding]:
        tests = [test for test in self._data_tests() if test.about in about]
        with self.warehouse() as connection:
            found = ask_tests(connection, tests)
        return [
            replace(each, message=f"{each.message}. All of them: {show_command(self.settings, each.test)}")
            for each in found
        ]

    def _data_tests(self) -> list[DataTest]:
        """The data tests of the project, compiled once for each state of it."""
        fingerprint = fingerprint_sources()
        tests = read_tests(COMPILED_TESTS, fingerprint)
        if tests is None:
            manifest = self.parse()
            tests = compiled_tests(self._run(["compile", "--select", "resource_type:test"], manifest), manifest.nodes)
            keep_tests(COMPILED_TESTS, fingerprint, tests)
        return tests

    def _invoke(self, command: Sequence[str], manifest: Any = None, *, write_json: bool = False) -> Any:
        # Importing dbt takes seconds: only a run that has something to do pays for it.
        with _without_collecting_garbage():
            from dbt.cli.main import dbtRunner  # noqa: PLC0415

        if manifest is None and PARSED and PARSED.fingerprint == fingerprint_sources():
            manifest = PARSED.manifest
        runner = dbtRunner(manifest=manifest, callbacks=[self._on_event])
        with contextlib.chdir(self.settings.state), _environment(self.settings.environment()):
            outcome = runner.invoke([*global_flags(write_json=write_json), *command, *project_flags()])
        if outcome.exception is not None:
            raise RunFailed(f"dbt {command[0]} failed: {_first_lines(str(outcome.exception))}")
        return outcome.result

    def _on_event(self, event: Any) -> None:
        if event.info.name == "LogStartLine":
            self.progress(event.data.node_info.node_name)


def build_command(*, load_seeds: bool, rebuild: bool) -> list[str]:
    """The words of the dbt command that builds the models.

    Data tests follow as queries (data_tests.py), snapshots when gold is published; unit tests judge the code, not the
    data, and are left to `make test`.
    """
    command = ["build", "--resource-type", "model"]
    if load_seeds:
        command += ["--resource-type", "seed"]
    if rebuild:
        return [*command, "--full-refresh"]
    # Views and the policy are as the last build left them.
    return [*command, "--exclude", "config.materialized:view", "path:models/oil/policy"]


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


def show_command(settings: Settings, test: str) -> str:
    """The command that lists all offending rows of a data test, to be copied into a shell."""
    dbt = str(Path(sys.executable).with_name("dbt"))
    words = [dbt, "--quiet", "--log-level-file", "none", "show", "--select", test, "--limit", "-1", *project_flags()]
    return f"cd {shlex.quote(str(settings.state))} && {shlex.join(words)}"


def parse_ahead(settings: Settings) -> None:
    """Parse the project for every dbt command that follows in this process and in those it forks.

    Raises:
        RunFailed: the project cannot be parsed.
    """
    global PARSED  # noqa: PLW0603 - what a process knows once and for all
    fingerprint = fingerprint_sources()
    PARSED = ParsedProject(fingerprint, Dbt(settings).parse())


def import_ahead() -> None:
    """Import pandas on the side: pyarrow wants it when limits are computed, and queries leave a core free."""
    threading.Thread(target=__import__, args=("pandas",), daemon=True).start()


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The settings as the profile and the Python models read them, for as long as dbt runs."""
    before = dict(os.environ)
    for name in SECRETS:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


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
