"""Data tests mean in a run what they mean in `dbt test`, and name the clients of the rows that offend."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.small_dbt_project import SmallProject

from tribolake.run.data_tests import DataTest, Finding, ask_tests, compiled_tests, keep_tests, read_tests

ROWS = """
    select * from (values
        (1, 'CDA', 'S1', 'loaded', 'known'), (2, 'CDA', 'S2', 'loaded', 'known'), (3, 'CDA', 'S3', null, 'known'),
        (4, 'EMIN', 'S1', 'loaded', 'known'), (4, 'EMIN', 'S5', 'odd', 'gone'), (null, 'EMIN', 'S6', 'loaded', 'known'),
        (7, 'EMIN', 'S7', 'loaded', 'known'), (7, 'EMIN', 'S7', 'loaded', null)
    ) as t(id, client, sample, status, parent)
"""
OF_ROWS = """
models:
  - name: parents
  - name: rows
    columns:
      - name: sample
        data_tests: [{unique: {name: a_of_some_rows, config: {where: "client = 'CDA'"}}}]
      - name: id
        data_tests: [{not_null: {name: null_key}}, {unique: {name: double_key}}]
      - name: status
        data_tests:
          - accepted_values: {name: unknown_value, arguments: {values: [loaded]}}
          - accepted_values: {name: of_one_client, arguments: {values: [x]}, config: {where: "client = 'CDA'"}}
      - name: parent
        data_tests:
          - relationships: {name: dangling, arguments: {to: ref('parents'), field: name}}
    data_tests:
      - unique_combination_of_columns: {name: double_combination, arguments: {combination_of_columns: [client, sample]}}
      - relationships:
          name: dangling_expression
          arguments: {column_name: "client || '/' || parent", to: ref('parents'), field: "'EMIN/' || name"}
          config: {where: "client = 'EMIN'"}
      - always_true: {name: says_its_client, arguments: {rule: "id <> 4", also: [client, id]}}
      - always_true: {name: of_everybody, arguments: {rule: "id > 9", also: [sample]}, config: {severity: warn}}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """Rows of two clients that offend in every way."""
    project = SmallProject(tmp_path_factory.mktemp("project"))
    project.write(rows=ROWS, parents="select 'known' as name", properties=OF_ROWS)
    (project.folder / "tests" / "nameless.sql").write_text("select 'x' as word from {{ ref('rows') }} where id = 1")
    assert project.run() == {}
    return project


def compiled(project: SmallProject) -> list[DataTest]:
    nodes = [result.node for result in project.invoke("compile", "--select", "resource_type:test").results]
    return compiled_tests(nodes, project.invoke("parse").nodes)


@pytest.fixture(scope="module")
def findings(project: SmallProject) -> Iterator[dict[str, Finding]]:
    with duckdb.connect(project.folder / "small.duckdb") as connection:
        yield {finding.test: finding for finding in ask_tests(connection, compiled(project))}


@pytest.mark.parametrize(
    ("test", "clients", "message"),
    [
        ("null_key", {"emin"}, "1 offending rows; client EMIN, id null"),
        ("double_key", {"emin"}, "2 offending rows; client EMIN, id 4; client EMIN, id 7"),
        ("unknown_value", {"emin"}, "1 offending rows; client EMIN, id 4, status odd"),
        (
            "of_one_client",
            {"cda"},
            "1 offending rows; client CDA, id 1, status loaded; client CDA, id 2, status loaded",
        ),
        ("dangling", {"emin"}, "1 offending rows; client EMIN, id 4, parent gone"),
        ("double_combination", {"emin"}, "1 offending rows; client EMIN, sample S7, n_records 2"),
        ("dangling_expression", {"emin"}, "1 offending rows; client EMIN, id 4"),
        ("says_its_client", {"emin"}, "3 offending rows; client EMIN, id 4; client EMIN, id null"),
        ("nameless", set(), "1 offending rows; word x"),
        ("of_everybody", {"cda", "emin"}, None),
    ],
)
def test_finding_names_the_clients_of_offending_rows(
    findings: dict[str, Finding], test: str, clients: set[str], message: str | None
):
    assert findings[test].clients == clients
    assert findings[test].is_failure == (test != "of_everybody")
    if message:
        assert findings[test].message == message
    assert findings[test].message.count(";") <= 3


def test_offending_row_without_a_client_names_no_client():
    query = "select unnest(['cda', null]) as client"
    with duckdb.connect() as connection:
        (finding,) = ask_tests(
            connection, [DataTest("some", "models", query, "error", "count(*)", "!= 0", "!= 0", None)]
        )
    assert finding.clients == frozenset()


def test_values_of_laboratory_files_stay_on_one_line():
    query = "select 'cda' as client, chr(27) || '[31m' as word, repeat('x', 200) as long"
    test = DataTest("hostile", "models", query, "error", "count(*)", "!= 0", "!= 0", None)
    with duckdb.connect() as connection:
        (finding,) = ask_tests(connection, [test])
    assert "word '\\x1b[31m'" in finding.message
    assert finding.message.endswith(f"long {'x' * 80}…")


def test_query_that_cannot_be_asked_fails_for_every_client():
    with duckdb.connect() as connection:
        (finding,) = ask_tests(
            connection, [DataTest("lost", "models", "from gone", "warn", "count(*)", "!= 0", "!= 0", None)]
        )
    assert (finding.is_failure, finding.clients) == (True, frozenset())
    assert "cannot be asked" in finding.message


def test_compiled_tests_are_kept_for_one_state_of_the_project(project: SmallProject, tmp_path: Path):
    tests = compiled(project)
    keep_tests(tmp_path / "tests.json", "now", tests)
    assert read_tests(tmp_path / "tests.json", "now") == tests
    assert read_tests(tmp_path / "tests.json", "then") is None


CONDITIONS = ("!= 0", "= 0", "> 2", ">= 3", "< 4", "between 2 and 5", "!= 0")
CALCULATIONS = ("count(*)", "count(*)", "max(n)", "count(distinct n % 3)", "sum(n)", "avg(n)")
GENERIC = (
    "not_null",
    "unique",
    "accepted_values: {arguments: {values: [0, 1, 2], quote: false}}",
    "relationships: {arguments: {to: ref('parents'), field: name}}",
)


def config_of(chance: random.Random) -> dict[str, Any]:
    config = {"severity": chance.choice(["error", "warn", "ERROR"]), "fail_calc": chance.choice(CALCULATIONS)}
    config |= {name: chance.choice(CONDITIONS) for name in ("warn_if", "error_if") if chance.random() < 0.7}
    return config | ({"limit": chance.choice([1, 3, 5])} if chance.random() < 0.4 else {})


@pytest.mark.slow
def test_verdicts_are_those_of_dbt_test(tmp_path: Path):
    """A hundred tests with severities, conditions, calculations, limits and filters at random."""
    chance = random.Random(11)  # noqa: S311 - tests, not secrets
    project = SmallProject(tmp_path)
    for number in range(80):
        config = ", ".join(f"{name}={value!r}" for name, value in config_of(chance).items())
        query = f"{{{{ config({config}) }}}} select * from range({chance.randrange(8)}) as t(n)"
        (tmp_path / "tests" / f"singular_{number}.sql").write_text(query)
    columns = []
    for number in range(40):
        test = chance.choice(GENERIC)
        name, _, arguments = test.partition(": ")
        config = config_of(chance) | {"fail_calc": "count(*)", "where": f"n < {chance.randrange(1, 9)}"}
        words = arguments[1:-1] + ", " if arguments else ""
        columns.append(f"          - {name}: {{{words}name: generic_{number}, config: {config}}}")
    properties = "models:\n  - name: numbers\n    columns:\n      - name: n\n        data_tests:\n" + "\n".join(columns)
    project.write(
        numbers="select nullif(n % 6, 5) as n from range(8) as t(n)",
        parents="select 1 as name union all select 2",
        properties=properties,
    )
    assert project.run() == {}
    by_dbt = {
        result.node.name: ({"error": "fail"}.get(result.status, str(result.status)), result.failures or 0)
        for result in project.invoke("test").results
    }
    tests = compiled(project)
    with duckdb.connect(tmp_path / "small.duckdb") as connection:
        found = {finding.test: finding for finding in ask_tests(connection, tests)}
    ours = {test.name: ("pass", 0) for test in tests} | {
        name: ("fail" if finding.is_failure else "warn", by_dbt[name][1]) for name, finding in found.items()
    }
    assert ours == by_dbt
    assert {verdict for verdict, _ in ours.values()} == {"pass", "warn", "fail"}
    for test in tests:
        if test.name in found and "cannot be asked" not in found[test.name].message:
            counted = "{} offending rows" if test.fail_calc == "count(*)" else test.fail_calc + " is {}"
            assert found[test.name].message.startswith(counted.format(by_dbt[test.name][1])), test
