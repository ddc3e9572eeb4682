"""dbt's data tests, run as the plain queries that they compile to.

As nodes of a dbt run sixty tests take longer than all models of a small arrival: 30 ms each, of which the query needs
three. dbt compiles them once for each state of the project; every run then asks all of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

THREADS = 2


@dataclass(frozen=True)
class DataTest:
    """A data test: `query` finds the offending rows. It is about seeds, models or the history (snapshots)."""

    name: str
    about: str
    query: str

    @classmethod
    def of_node(cls, node: Any) -> DataTest:
        """From a compiled node of dbt."""
        place = str(node.original_file_path)
        about = "seeds" if "seeds/" in place else "history" if place.startswith("snapshots/") else "models"
        return cls(node.name, about, node.compiled_code)


@dataclass(frozen=True)
class FailedTest:
    """A data test that found offending rows, or could not be asked."""

    name: str
    message: str
    query: str


def failed_tests(connection: duckdb.DuckDBPyConnection, tests: Sequence[DataTest]) -> list[FailedTest]:
    """Ask every test; a test that cannot be asked counts as failed.

    Args:
        connection: to the warehouse.
        tests: what to ask.

    Returns:
        Tests with offending rows, in the order of `tests`.
    """

    def ask(test: DataTest) -> FailedTest | None:
        with connection.cursor() as cursor:
            try:
                row = cursor.execute(f"select count(*) from ({test.query}) as offending").fetchone()
            except duckdb.Error as error:
                return FailedTest(test.name, f"cannot be asked: {str(error).splitlines()[0]}", test.query)
        offending = row[0] if row else 0
        return FailedTest(test.name, f"{offending} offending rows", test.query) if offending else None

    with ThreadPoolExecutor(THREADS) as threads:
        return [failed for failed in threads.map(ask, tests) if failed]


def read_tests(path: Path, fingerprint: str) -> list[DataTest] | None:
    """The tests that were compiled from a project with this fingerprint; None where there are none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["fingerprint"] == fingerprint:
            return [DataTest(**test) for test in kept["tests"]]
    return None


def keep_tests(path: Path, fingerprint: str, tests: Sequence[DataTest]) -> None:
    aside = path.with_suffix(f".{os.getpid()}.partial")  # runs of other lakes write it too
    aside.write_text(json.dumps({"fingerprint": fingerprint, "tests": [asdict(test) for test in tests]}))
    aside.replace(path)
