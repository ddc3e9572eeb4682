"""The materialization `scope` on a small dbt project: what it replaces, and that it honours dbt's own configs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.small_dbt_project import SmallProject

SETTINGS = ("append_new_columns", "fail", "ignore", "sync_all_columns")


@pytest.fixture
def project(tmp_path: Path) -> SmallProject:
    return SmallProject(tmp_path)


def of(materialized: str, select: str, **config: object) -> str:
    """A model that replaces the rows of `touched`; `incremental` replaces those that it selects, here the same."""
    scope = {"meta": {"scope": "touched"}} if materialized == "scope" else {}
    words = ", ".join(f"{name}={value!r}" for name, value in (scope | config).items())
    return (
        f"{{{{ config(materialized='{materialized}', unique_key='id', {words}) }}}}\n"
        f"-- depends_on: {{{{ ref('touched') }}}}\n{select}"
    )


@pytest.mark.slow
def test_scope_follows_on_schema_change_like_incremental(project: SmallProject):
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


@pytest.mark.slow
def test_scope_that_lacks_a_kept_column_fails_like_incremental(project: SmallProject):
    both = ("scope", "incremental")
    project.write(touched="select 1 as id", **{name: of(name, "select 1 as id, 2 as gone") for name in both})
    assert project.run() == {}
    project.write(**{name: of(name, "select 1 as id") for name in both})
    assert set(project.run()) == set(both)
    assert project.table("scope")[1] == [(1, 2)]


@pytest.mark.slow
def test_scope_persists_descriptions_and_warns_of_grants(project: SmallProject):
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


@pytest.mark.slow
def test_scope_enforces_a_contract_when_rows_are_kept(project: SmallProject):
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


def test_scope_deletes_what_was_touched_and_keeps_the_rest(project: SmallProject):
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
def test_scope_that_fails_leaves_the_table_as_it_was(project: SmallProject, config: dict[str, object]):
    project.write(touched="select 1 as id", kept=of("scope", "select 1 as id, 'old' as word", **config))
    assert project.run() == {}
    project.write(kept=of("scope", "select 1 as id, error('torn') as word", **config))
    assert "torn" in project.run()["kept"]
    assert project.table("kept")[1] == [(1, "old")]


@pytest.mark.slow
def test_scope_keeps_rows_over_a_full_refresh(project: SmallProject):
    """Rows of keys in `kept` outlive it, in the columns that both tables have. All others are made again."""
    model = "{{{{ config(materialized='scope', unique_key='id', meta={{'scope': 'touched', 'keeps': 'kept'}}) }}}}\n{}"
    after = "-- depends_on: {{ ref('touched') }}, {{ ref('kept') }}\n"
    first = "select 1 as id, 'old' as word, 1 as gone union all select 2, 'old', 1 union all select 3, 'old', 1"
    project.write(touched="select 1 as id", kept="select 2 as id", prices=model.format(after + first))
    assert project.run() == {}
    assert project.table("prices")[1] == [(1, "old", 1), (2, "old", 1), (3, "old", 1)]
    project.write(prices=model.format(after + "select true as added, 'new' as word, 1 as id"))
    assert project.run("--full-refresh") == {}
    assert sorted(project.table("prices")[1], key=str) == [(None, "old", 2), (True, "new", 1)]
