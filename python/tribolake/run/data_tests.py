"""dbt's data tests, run as the plain queries that they compile to.

As nodes of a dbt run the tests take longer than all models of a small arrival: 30 ms each, the query itself three. dbt
compiles them once for each state of the project; every run then asks all of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from tribolake.at_once import at_once
from tribolake.lake.files import read_json
from tribolake.sql import quoted

EXAMPLES = 3
MOST_COLUMNS = 5
LONGEST_VALUE = 80
# Names of the tested column in the arguments of dbt's own tests.
TESTED = ("unique_field", "value_field", "from_field")
KEY_TESTS = ("unique", "unique_combination_of_columns")


@dataclass(frozen=True)
class DataTest:
    """A compiled data test. `query` finds the offending rows, the other fields judge and explain them."""

    name: str
    about: str  # seeds, models or the history (snapshots)
    query: str
    severity: str
    fail_calc: str
    warn_if: str
    error_if: str
    limit: int | None
    # Of a generic test: the relation that it tests, which of its rows, one column of it, and the key of a row.
    relation: str | None = None
    where: str | None = None
    column: str | None = None
    key: tuple[str, ...] = ()

    @property
    def verdict_query(self) -> str:
        """The query of dbt's macro get_test_sql: failures, and whether they warn and fail."""
        limit = "" if self.limit is None else f"\nlimit {self.limit}"
        return (
            f"select {self.fail_calc} as failures, {self.fail_calc} {self.warn_if} as should_warn,"
            f" {self.fail_calc} {self.error_if} as should_error\nfrom ({self.query}{limit}\n) as dbt_internal_test"
        )


@dataclass(frozen=True)
class Finding:
    """A data test that did not pass.

    `clients` are those of the offending rows, in lower case; empty where the rows do not name one.
    """

    test: str
    is_failure: bool  # a warning otherwise
    message: str
    clients: frozenset[str] = frozenset()


def compiled_tests(compiled: Iterable[Any], nodes: Mapping[str, Any]) -> list[DataTest]:
    """Read data tests from compiled nodes of dbt.

    Args:
        compiled: nodes of tests.
        nodes: all nodes of the manifest, by unique id.
    """
    keys: dict[str, tuple[str, ...]] = {}
    for node in nodes.values():
        tested = getattr(node, "test_metadata", None)
        if tested is not None and tested.name in KEY_TESTS and not node.config.where:
            key = tested.kwargs.get("combination_of_columns") or [tested.kwargs["column_name"]]
            keys.setdefault(node.attached_node, tuple(key))
    return [_test_of(node, nodes, keys) for node in compiled]


def _test_of(node: Any, nodes: Mapping[str, Any], keys: Mapping[str, tuple[str, ...]]) -> DataTest:
    place, config = str(node.original_file_path), node.config
    attached = getattr(node, "attached_node", None)
    return DataTest(
        name=node.name,
        about="seeds" if "seeds/" in place else "history" if place.startswith("snapshots/") else "models",
        query=node.compiled_code,
        severity=config.severity.lower(),
        fail_calc=config.fail_calc,
        warn_if=config.warn_if,
        error_if=config.error_if,
        limit=config.limit,
        relation=nodes[attached].relation_name if attached else None,
        where=config.where,
        column=node.test_metadata.kwargs.get("column_name") if attached else None,
        key=keys.get(attached, ()) if attached else (),
    )


def ask_tests(connection: duckdb.DuckDBPyConnection, tests: Sequence[DataTest]) -> list[Finding]:
    """Run every test, and judge its result as `dbt test` does. A test whose query fails has failed.

    Args:
        connection: to the warehouse.
        tests: what to ask.

    Returns:
        What did not pass, in the order of `tests`.
    """

    def ask(test: DataTest) -> Finding | None:
        with connection.cursor() as cursor:
            try:
                return _ask(cursor, test)
            except duckdb.Error as error:
                return Finding(test.name, True, f"cannot be asked: {str(error).splitlines()[0]}")

    return [finding for finding in at_once(connection, [partial(ask, test) for test in tests]) if finding]


def _ask(cursor: duckdb.DuckDBPyConnection, test: DataTest) -> Finding | None:
    row = cursor.execute(test.verdict_query).fetchone()
    failures, should_warn, should_error = row or (None, None, None)
    if failures is None or failures != int(failures):
        return Finding(test.name, True, f"cannot be asked: {test.fail_calc} is {failures}, not a whole number")
    is_failure = bool(test.severity == "error" and should_error)
    if not is_failure and not should_warn:
        return None
    clients, examples = _offending_rows(cursor, test)
    counted = f"{failures} offending rows" if test.fail_calc == "count(*)" else f"{test.fail_calc} is {failures}"
    message = "; ".join([counted, *examples])
    return Finding(test.name, is_failure, message, clients)


def _offending_rows(cursor: duckdb.DuckDBPyConnection, test: DataTest) -> tuple[frozenset[str], list[str]]:
    """Return the clients of all offending rows, and a text about a few of the rows."""
    rows = f"({test.query}\n)"
    names = _columns(cursor, rows)
    if "client" not in names and test.relation:
        rows, names = _looked_up(cursor, test, rows, names)
    if "client" not in names:
        return frozenset(), _in_words(cursor, rows, names)
    found = cursor.execute(f"select distinct lower(client) from {rows} as offending").fetchall()
    clients = frozenset(client for (client,) in found)
    first = ["client", *(name for name in test.key if name in names)]
    return frozenset() if None in clients else clients, _in_words(cursor, rows, [*first, *names])


def _looked_up(
    cursor: duckdb.DuckDBPyConnection, test: DataTest, failing: str, names: list[str]
) -> tuple[str, list[str]]:
    """Return a query of the tested rows that have a value found by dbt's own test, and their key columns."""
    of_relation = _columns(cursor, str(test.relation))
    columns = {name: test.column if name in TESTED else quoted(name) for name in names}
    columns = {name: column for name, column in columns.items() if name in TESTED or name in of_relation}
    if "client" not in of_relation or not columns or None in columns.values():
        return failing, names
    values = ", ".join(f"{column} as tested_{place}" for place, column in enumerate(columns.values()))
    same = " and ".join(
        f"tested.tested_{place} is not distinct from failing.{quoted(name)}" for place, name in enumerate(columns)
    )
    rows = (
        f"(select tested.* from (select *, {values} from {test.relation} where {test.where or 'true'}) as tested"
        f" semi join {failing} as failing on {same})"
    )
    shown = ["client", *test.key, *([test.column] if test.column else [])]
    return rows, [name for name in shown if name in of_relation]


def _in_words(cursor: duckdb.DuckDBPyConnection, rows: str, names: Sequence[str]) -> list[str]:
    chosen = list(dict.fromkeys(names))[:MOST_COLUMNS]
    columns = ", ".join(f"cast({quoted(name)} as varchar)" for name in chosen)
    query = f"select distinct {columns} from {rows} as offending order by all limit {EXAMPLES}"
    return [
        ", ".join(f"{name} {_in_short(value)}" for name, value in zip(chosen, row, strict=True))
        for row in cursor.execute(query).fetchall()
    ]


def _in_short(value: str | None) -> str:
    """Put a value on one line of a terminal. It may come from a laboratory's file."""
    if value is None:
        return "null"
    short = value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    return short if short.isprintable() else ascii(short)


def _columns(cursor: duckdb.DuckDBPyConnection, rows: str) -> list[str]:
    return [column[0] for column in cursor.execute(f"select * from {rows} as offending limit 0").description or []]


def read_tests(path: Path, fingerprint: str) -> list[DataTest] | None:
    """Read the tests compiled from a project with this fingerprint. Returns None if there are none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = read_json(path)
        if kept["fingerprint"] == fingerprint:
            return [DataTest(**(test | {"key": tuple(test["key"])})) for test in kept["tests"]]
    return None


def keep_tests(path: Path, fingerprint: str, tests: Sequence[DataTest]) -> None:
    aside = path.with_suffix(f".{os.getpid()}.partial")  # runs of other lakes write it too
    aside.write_text(json.dumps({"fingerprint": fingerprint, "tests": [asdict(test) for test in tests]}))
    aside.replace(path)
