"""The materialization `scope` on a small dbt project: what it replaces, and that it honours dbt's own configs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from tribolake.settings import PROJECT_DIR

PROJECT = """
name: small
config-version: 2
profile: small
macro-paths: [macros]
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
"""
PROFILE = """
small:
  target: local
  outputs:
    local: {type: duckdb, path: small.duckdb, threads: 2}
"""
# The guard of a full refresh asks the product what is done; here everything may be built again.
GUARD = "{% macro everything_is_touched() %}{{ return(true) }}{% endmacro %}"
SETTINGS = ("append_new_columns", "fail", "ignore", "sync_all_columns")


class Project:
    """A dbt project in a folder, run in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []
        for name in ("macros", "models"):
            (folder / name).mkdir()
        (folder / "dbt_project.yml").write_text(PROJECT)
        (folder / "profiles.yml").write_text(PROFILE.replace("small.duckdb", str(folder / "small.duckdb")))
        (folder / "macros" / "guard.sql").write_text(GUARD)
        shutil.copy(PROJECT_DIR / "macros" / "materializations" / "scope.sql", folder / "macros")

    def write(self, **models: str) -> None:
        for name, text in models.items():
            suffix = "yml" if name == "properties" else "py" if text.startswith("def ") else "sql"
            (self.folder / "models" / f"{name}.{suffix}").write_text(text)

    def run(self, *words: str) -> dict[str, str]:
        """Run the models; returns the error of each that failed, by name."""
        folder = str(self.folder)
        places = ["--project-dir", folder, "--profiles-dir", folder, "--log-level", "none", "--log-level-file", "none"]
        outcome = dbtRunner(callbacks=[self._listen]).invoke(["run", *words, *places])
        DuckDBConnectionManager.close_all_connections()
        assert outcome.result is not None, outcome.exception
        return {
            result.node.name: str(result.message) for result in outcome.result.results if result.status != "success"
        }

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.folder / "small.duckdb", read_only=True) as connection:
            return connection.execute(query).fetchall()

    def table(self, name: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and rows."""
        columns = self.query(f"select column_name, data_type from duckdb_columns() where table_name = '{name}'")
        return [" ".join(column) for column in columns], self.query(f"select * from {name} order by all")

    def _listen(self, event: Any) -> None:
        if event.info.level == "warn":
            self.warnings.append(event.info.msg)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def of(materialized: str, select: str, **config: object) -> str:
    """A model that replaces the rows of `touched`; `incremental` replaces those that it selects, here the same."""
    scope = {"meta": {"scope": "touched"}} if materialized == "scope" else {}
    words = ", ".join(f"{name}={value!r}" for name, value in (scope | config).items())
    return (
        f"{{{{ config(materialized='{materialized}', unique_key='id', {words}) }}}}\n"
        f"-- depends_on: {{{{ ref('touched') }}}}\n{select}"
    )


def test_scope_follows_on_schema_change_like_incremental(project: Project):
    """A column is added, one goes and one has another type: each setting gives what dbt's `incremental` gives."""
    both = ("scope", "incremental")
    first = "select 1 as id, 'old' as \"the word\", 1 as gone, 1 as number union all select 2, 'stays', 2, 2"
    project.write(
        touched="select 1 as id",
        **{f"{name}_{setting}": of(name, first, on_schema_change=setting) for name in both for setting in SETTINGS},
    )
    assert project.run() == {}
    for name in both:
        for setting in SETTINGS:
            gone = "" if setting in ("append_new_columns", "sync_all_columns") else ", 1 as gone"
            second = f"select 2.5::double as number, 'new' as \"the word\", 1 as id{gone}, true as added"
            project.write(**{f"{name}_{setting}": of(name, second, on_schema_change=setting)})
    failed = project.run()
    assert set(failed) == {f"{name}_fail" for name in both}
    assert all("out of sync" in message for message in failed.values())
    tables = {setting: project.table(f"scope_{setting}") for setting in SETTINGS}
    assert tables == {setting: project.table(f"incremental_{setting}") for setting in SETTINGS}
    assert tables["ignore"][1] == [(1, "new", 1, 2), (2, "stays", 2, 2)]
    assert tables["fail"][1] == [(1, "old", 1, 1), (2, "stays", 2, 2)]
    assert "added BOOLEAN" in tables["append_new_columns"][0]
    assert tables["sync_all_columns"][0] == ["id INTEGER", "the word VARCHAR", "number DOUBLE", "added BOOLEAN"]


def test_scope_that_lacks_a_kept_column_fails_like_incremental(project: Project):
    both = ("scope", "incremental")
    project.write(touched="select 1 as id", **{name: of(name, "select 1 as id, 2 as gone") for name in both})
    assert project.run() == {}
    project.write(**{name: of(name, "select 1 as id") for name in both})
    assert set(project.run()) == set(both)
    assert project.table("scope")[1] == [(1, 2)]


def test_scope_persists_descriptions_and_warns_of_grants(project: Project):
    config = {"persist_docs": {"relation": True, "columns": True}, "grants": {"select": ["reader"]}}
    project.write(
        touched="select 1 as id",
        kept=of("scope", "select 1 as id", **config),
        replaced="{{ config(materialized='scope', persist_docs={'relation': true, 'columns': true}) }} select 1 as id",
        properties="""
            models:
              - {name: kept, description: Rows it's kept, columns: [{name: id, description: Key of a row}]}
              - {name: replaced, description: All new, columns: [{name: id, description: Another key}]}
        """,
    )
    for _ in range(2):  # made, then kept
        assert project.run() == {}
        assert project.query(
            "select table_name, comment from duckdb_tables() where comment is not null order by 1"
        ) == [
            ("kept", "Rows it's kept"),
            ("replaced", "All new"),
        ]
        comments = project.query("select comment from duckdb_columns() where comment is not null order by 1")
        assert comments == [("Another key",), ("Key of a row",)]
    assert "Grants for relations are not supported by DuckDB" in " ".join(project.warnings)


def test_scope_enforces_a_contract_when_rows_are_kept(project: Project):
    project.write(
        touched="select 1 as id",
        kept=of("scope", "select 1 as id"),
        properties="""
            models:
              - name: kept
                config: {contract: {enforced: true}}
                columns: [{name: id, data_type: integer, constraints: [{type: not_null}]}]
        """,
    )
    assert project.run() == {}
    constraints = project.query("select constraint_type from duckdb_constraints() where table_name = 'kept'")
    assert constraints == [("NOT NULL",)]
    project.write(kept=of("scope", "select '1' as id"))
    assert "contract" in project.run()["kept"]
    project.write(kept=of("scope", "select null::integer as id"))
    assert "NOT NULL" in project.run()["kept"]
    assert project.table("kept")[1] == [(1,)]


def test_scope_deletes_what_was_touched_and_keeps_the_rest(project: Project):
    """A touched key that the model does not select any more is gone: `incremental` would keep it."""
    project.write(
        touched="select 1 as a, 2 as b, true as counts union all select 3, 3, false",
        kept="""
            {{ config(materialized='scope', unique_key=['id', 'part'],
                      meta={'scope': 'touched', 'scope_key': ['a', 'b'], 'scope_where': 'counts'}) }}
            -- depends_on: {{ ref('touched') }}
            select * from (values (1, 2), (3, 3)) t(id, part) where not {{ is_incremental() }}
        """,
        appended="{{ config(materialized='scope', incremental_strategy='append') }} select 1 as id",
        replaced="{{ config(materialized='scope') }} select 1 as id",
        by_python="""def model(dbt, session):
    dbt.config(materialized="scope", incremental_strategy="append", indexes=[{"columns": ["id"]}])
    return session.sql("select 2 as id" if dbt.is_incremental else "select 1 as id")
""",
    )
    assert project.run() == {}
    assert project.table("kept")[1] == [(1, 2), (3, 3)]
    assert project.run() == {}
    assert project.table("kept")[1] == [(3, 3)]
    assert project.table("appended")[1] == [(1,), (1,)]
    assert project.table("replaced")[1] == [(1,)]
    assert project.table("by_python")[1] == [(1,), (2,)]
    assert project.query("select expressions from duckdb_indexes()") == [("[id]",)]
    assert project.run("--full-refresh") == {}
    assert project.table("kept")[1] == [(1, 2), (3, 3)]
    assert project.table("by_python")[1] == [(1,)]


@pytest.mark.parametrize("config", [{}, {"full_refresh": True}], ids=["kept", "replaced"])
def test_scope_that_fails_leaves_the_table_as_it_was(project: Project, config: dict[str, object]):
    project.write(touched="select 1 as id", kept=of("scope", "select 1 as id, 'old' as word", **config))
    assert project.run() == {}
    project.write(kept=of("scope", "select 1 as id, error('torn') as word", **config))
    assert "torn" in project.run()["kept"]
    assert project.table("kept")[1] == [(1, "old")]
