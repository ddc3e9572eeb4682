"""A small dbt project in a folder, with the project's own materialization and tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from tribolake.settings import PROJECT_DIR

PROJECT = """
name: small
config-version: 2
profile: small
macro-paths: [macros]
model-paths: [models]
test-paths: [tests]
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
small:
  target: local
  outputs:
    local: {type: duckdb, path: small.duckdb, threads: 2}
"""
# The guard of a full refresh asks what a run touches. In a small project everything is touched.
GUARD = "{% macro everything_is_touched(product) %}{{ return(true) }}{% endmacro %}"


class SmallProject:
    """A dbt project in a folder, run in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        for name in ("macros", "models", "tests"):
            (folder / name).mkdir()
        (folder / "dbt_project.yml").write_text(PROJECT)
        (folder / "profiles.yml").write_text(PROFILE.replace("small.duckdb", str(folder / "small.duckdb")))
        (folder / "macros" / "guard.sql").write_text(GUARD)
        for name in ("materializations", "tests"):
            shutil.copytree(PROJECT_DIR / "macros" / name, folder / "macros" / name)

    def write(self, **models: str) -> None:
        for name, text in models.items():
            suffix = "yml" if name == "properties" else "py" if text.startswith("def ") else "sql"
            (self.folder / "models" / f"{name}.{suffix}").write_text(text)

    def invoke(self, command: str, *words: str) -> Any:
        """Return the result of a dbt command. Its errors are raised."""
        folder = str(self.folder)
        places = ["--project-dir", folder, "--profiles-dir", folder, "--log-level", "none", "--log-level-file", "none"]
        outcome = dbtRunner(callbacks=[self._listen]).invoke([command, *words, *places])
        DuckDBConnectionManager.close_all_connections()
        assert outcome.result is not None, outcome.exception
        return outcome.result

    def run(self, *words: str) -> dict[str, str]:
        """Run the models. Returns the error of each failed model, by name."""
        results = self.invoke("run", *words).results
        return {result.node.name: str(result.message) for result in results if result.status != "success"}

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.folder / "small.duckdb", read_only=True) as connection:
            return connection.execute(query).fetchall()

    def table(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return columns and rows."""
        columns = self.query(f"select column_name, data_type from duckdb_columns() where table_name = '{name}'")
        return [" ".join(column) for column in columns], self.query(f"select * from {name} order by all")

    def _listen(self, event: Any) -> None:
        if event.info.level == "warn":
            self.warnings.append(event.info.msg)
