"""dbt in this process: build models, run data tests, take snapshots, write the documentation."""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from tribolake.errors import RunFailed, is_of_the_disk
from tribolake.product import Product, Progress
from tribolake.run.data_tests import DataTest, Finding, ask_tests, compiled_tests, keep_tests, read_tests
from tribolake.run.garbage import no_garbage_collection
from tribolake.run.kept_manifest import keep_manifest, read_manifest, without_tests
from tribolake.run.project import fingerprint_parsed
from tribolake.run.target import target_dir
from tribolake.settings import PROJECT_DIR, SECRETS, Settings

TRACEBACK = "Traceback (most recent call last)"
OUT_OF_MEMORY = "Out of Memory Error"
ADVICE_OF_DUCKDB = "Possible solutions:"
MORE_MEMORY = "Set TRIBOLAKE_MEMORY_LIMIT to more, as in 2GB"


class ModelFailed(RunFailed):
    """A model cannot be built of what the warehouse has."""


@dataclass(frozen=True)
class ParsedProject:
    """A manifest of dbt, and the fingerprint of the product's files that it was made from."""

    fingerprint: str
    manifest: Any


# Set in a process that parsed ahead. Forked processes use it while the project is unchanged.
PARSED: ParsedProject | None = None


@dataclass
class Dbt:
    """dbt for one product of a lake. A process must not run two at a time."""

    product: Product
    settings: Settings
    progress: Progress = field(default=lambda _: None)

    @cached_property
    def target(self) -> Path:
        """The folder of dbt for the product. For another memory limit, as of another product, dbt parses again."""
        target = target_dir(self.settings) / self.product.name
        target.mkdir(exist_ok=True)
        return target

    def build(self, *, load_seeds: bool, rebuild: bool) -> dict[str, list[str]]:
        """Build the models.

        Args:
            load_seeds: load the seeds first; the warehouse may have them.
            rebuild: build every derived table and view again.

        Returns:
            The columns of each model as its properties declare them.

        Raises:
            RunFailed: a model failed; the message holds what the database said.
        """
        nodes = self._run(build_command(self.product, load_seeds=load_seeds, rebuild=rebuild), self.without_tests)
        return {node.name: list(node.columns) for node in nodes}

    def test(self, *, seeds: str | None) -> list[Finding]:
        """Run the data tests of built nodes. The caller decides what a failure means.

        Args:
            seeds: fingerprint of the seeds that were loaded; None where none were.

        Returns:
            Tests that failed or warn.
        """
        # Tests of seeds do not depend on a lake. They run once for each state of the seeds.
        tested = self.target / "tested_seeds.sha256"
        about = ["models"]
        if seeds is not None and not (tested.exists() and tested.read_text() == seeds):
            about.append("seeds")
        found = self._ask_tests(about)
        if seeds is not None and not found:
            tested.write_text(seeds)
        return found

    def snapshot(self) -> list[Finding]:
        """Update the history to the published tables, and test it.

        Returns:
            Tests of the history that failed or warn.

        Raises:
            RunFailed: a snapshot failed; the next run makes up for it.
        """
        self._run(["snapshot", "--select", self.product.selector], self.without_tests)
        return self._ask_tests(["history"])

    def compile(self, select: str, *, exclude: str = "") -> dict[str, str]:
        """Compile models.

        Args:
            select: nodes as dbt selects them; only the models of them are compiled.
            exclude: models to leave out, selected in the same way.

        Returns:
            Their SQL by name, as it would run on the warehouse. Each model follows the models that it reads.
        """
        return {node.name: node.compiled_code for node in self.compiled_nodes(select, exclude=exclude)}

    def compiled_nodes(self, select: str, *, exclude: str = "") -> list[Any]:
        """Compile models: see :meth:`compile`. Returns the nodes of dbt."""
        command = ["compile", "--indirect-selection", "empty", "--select", f"{select},resource_type:model"]
        nodes = {node.unique_id: node for node in self._run([*command, *(("--exclude", exclude) if exclude else ())])}
        parents = {name: nodes.keys() & set(node.depends_on.nodes) for name, node in nodes.items()}
        return [nodes[name] for name in TopologicalSorter(parents).static_order()]

    def write_docs(self) -> Path:
        """Write the documentation as one HTML file that opens from disk."""
        with self:
            self._invoke(["docs", "generate", "--static"], write_json=True)
        return self.target / "static_index.html"

    def parse(self) -> Any:
        """Return the manifest of the project. It is the same for every lake."""
        return self._invoke(["parse"])

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        """Open a cursor on the warehouse that dbt holds open. It sees rows that are not in the file yet."""
        connection: duckdb.DuckDBPyConnection = _connections().env().conn.cursor()
        return connection

    def __enter__(self) -> Dbt:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the warehouse, which dbt keeps open. Its rows are then in the file, and other processes can open it."""
        if "dbt.adapters.duckdb.connections" in sys.modules:
            _connections().close_all_connections()

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint of the files when they were parsed: a release may be installed while a run works."""
        return fingerprint_parsed(self.product)

    @cached_property
    def manifest(self) -> Any:
        """Return the parsed project, which all commands of this object share."""
        return PARSED.manifest if PARSED and PARSED.fingerprint == self.fingerprint else self.parse()

    @cached_property
    def without_tests(self) -> Any:
        """Return the parsed project without its data tests, for commands that run none."""
        if PARSED and PARSED.fingerprint == self.fingerprint:
            return without_tests(PARSED.manifest)
        kept = self.target / "manifest.msgpack"
        _dbt_runner()
        manifest = read_manifest(kept, self.fingerprint)
        if manifest is None:
            manifest = without_tests(self.manifest)
            keep_manifest(kept, self.fingerprint, manifest)
        return manifest

    def _run(self, command: Sequence[str], manifest: Any = None) -> list[Any]:
        """Return the built nodes of a manifest, by default of the whole project."""
        outcome = self._invoke(command, self.manifest if manifest is None else manifest)
        results = list(getattr(outcome, "results", None) or [])
        if any(str(result.status) in ("error", "skipped") for result in results):
            cause = next(result for result in results if str(result.status) == "error")
            # No content is at fault for a full disk: the run ends, and the next one repeats its work.
            kind = RunFailed if is_of_the_disk(str(cause.message)) else ModelFailed
            raise kind(f"{cause.node.name} failed: {said(cause.message)}")
        return [result.node for result in results]

    def _ask_tests(self, about: Sequence[str]) -> list[Finding]:
        tests = [test for test in self._data_tests() if test.about in about]
        with self.warehouse() as connection:
            found = ask_tests(connection, tests)
        return [replace(each, message=f"{each.message}. All of them: {self.show_command(each.test)}") for each in found]

    def _data_tests(self) -> list[DataTest]:
        """Return the data tests of the product, compiled once for each state of the project."""
        compiled = self.target / "data_tests.json"
        tests = read_tests(compiled, self.fingerprint)
        if tests is None:
            tests = self._run(["compile", "--select", f"resource_type:test,{self.product.selector}"])
            tests = compiled_tests(tests, self.manifest.nodes)
            keep_tests(compiled, self.fingerprint, tests)
        return tests

    def show_command(self, test: str) -> str:
        """Return the command that lists all offending rows of a data test, to be copied into a shell."""
        dbt = str(Path(sys.executable).with_name("dbt"))
        words = [dbt, "--quiet", "--log-level-file", "none", "show", "--select", test, "--limit", "-1"]
        return f"cd {shlex.quote(str(self.settings.state))} && {shlex.join([*words, *project_flags(self.target)])}"

    def _invoke(self, command: Sequence[str], manifest: Any = None, *, write_json: bool = False) -> Any:
        runner = _dbt_runner()(manifest=manifest, callbacks=[self._on_event])
        with contextlib.chdir(self.settings.state), _environment(self.settings.environment()):
            outcome = runner.invoke([*global_flags(write_json=write_json), *command, *project_flags(self.target)])
        if isinstance(outcome.exception, KeyboardInterrupt):  # a person or a service manager ends the run
            raise outcome.exception
        if outcome.exception is not None:
            raise RunFailed(f"dbt {command[0]} failed: {said(str(outcome.exception))}")
        return outcome.result

    def _on_event(self, event: Any) -> None:
        if event.info.name == "LogStartLine":
            self.progress(event.data.node_info.node_name)


def build_command(product: Product, *, load_seeds: bool, rebuild: bool) -> list[str]:
    """Return the arguments of the dbt command that builds the models.

    Data tests follow as queries (data_tests.py), snapshots when gold is published; unit tests judge the code, not the
    data, and are left to `make test`.
    """
    command = ["build", "--resource-type", "model"]
    if load_seeds:
        command += ["--resource-type", "seed"]
    command += ["--select", product.selector]
    if rebuild:
        return [*command, "--full-refresh"]
    # Views, and what depends on the seeds alone, are as the last build left them. A public view is made again, so that
    # its columns are among those that the build returns.
    return [*command, "--exclude", "config.materialized:view,access:protected", *product.sources.made_by_rebuilds]


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


def project_flags(target: Path) -> list[str]:
    project = str(PROJECT_DIR)
    return [
        "--project-dir",
        project,
        "--profiles-dir",
        project,
        "--target",
        "lake",
        "--target-path",
        str(target),
        "--log-path",
        str(target / "logs"),
    ]


def parse_ahead(product: Product, settings: Settings) -> None:
    """Parse the project for every dbt command that follows in this process and in those it forks.

    Raises:
        RunFailed: the project cannot be parsed.
    """
    global PARSED  # noqa: PLW0603 - set once in a process
    fingerprint = fingerprint_parsed(product)
    PARSED = ParsedProject(fingerprint, Dbt(product, settings).parse())


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set the environment that dbt's profile and the Python models read, without secrets. Restore it afterwards."""
    before = dict(os.environ)
    for name in SECRETS:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@cache
def _dbt_runner() -> Any:
    """Return the class that runs commands of dbt. Importing it takes seconds: a run without work does not.

    Imports make no garbage, and looking for it takes a sixth of their time.
    """
    with no_garbage_collection():
        from dbt.cli.main import dbtRunner  # noqa: PLC0415

        from tribolake.run.dbt_events import make_few_events  # noqa: PLC0415

        # Once: what is frozen is never freed.
        gc.freeze()
    # Also where dbt was imported before, as by the watcher.
    make_few_events()
    return dbtRunner


def _connections() -> Any:
    """Return the class that holds dbt's connections to the warehouse."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - dbt takes seconds

    return DuckDBConnectionManager


def said(message: str | None) -> str:
    """Return what a message of dbt says, on one line and with advice.

    Of the traceback of a Python model this is the last line, which names the error.
    """
    words = message or "no message"
    is_of_memory = OUT_OF_MEMORY in words
    if is_of_memory:  # its advice, which follows, cannot be followed here
        words = words.partition(ADVICE_OF_DUCKDB)[0].rstrip()
    if TRACEBACK in words:
        words = words.rstrip().splitlines()[-1]
    line = " ".join(words.split())[:600]
    return f"{line}. {MORE_MEMORY}" if is_of_memory else line
