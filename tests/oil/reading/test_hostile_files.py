"""Files of kinds that laboratories and portals send: every sample and value of each, and what is said of the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
from tests.support.hostile_books import BOOKS
from tests.support.hostile_exports import EXPORTS
from tests.support.hostile_files import EXPECTED, SEEDS, Case
from tests.support.hostile_texts import TEXTS
from tests.support.hostile_workbooks import WORKBOOKS
from tests.support.project_copy import copy_project, in_project

pytestmark = pytest.mark.slow
CASES = [*TEXTS, *WORKBOOKS, *EXPORTS, *BOOKS]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """A warehouse after one run with all files."""
    project = copy_project(tmp_path_factory.mktemp("hostile") / "project")
    for name, rows in SEEDS.items():
        with (project / "seeds" / "oil" / f"{name}.csv").open("a", encoding="utf-8") as seed:
            seed.writelines(f"{row.strip()}\n" for row in rows.split("\n") if row.strip())
    bronze = project / "data" / "oil-analysis" / "bronze"
    for case in CASES:
        for name in (case.name, *case.copies):
            path = bronze / case.client / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(case.content)
    ended = in_project(project, "tribolake", "run", "--json", "--no-ai")
    assert ended.stdout, ended.stderr
    assert json.loads(ended.stdout)["failed_tests"] == []
    with duckdb.connect(project / "data" / "_state" / "warehouse.duckdb", read_only=True) as warehouse:
        yield lambda sql, *values: warehouse.execute(sql, values).fetchall()
    shutil.rmtree(project)


TEXT_COLUMNS = ("unitId", "componentName", "Código ISO")
COLUMNS = ", ".join(
    f'cast("{name}" as varchar)' if name == "sampleDate" else
    f'round("{name}", 9)' if name not in TEXT_COLUMNS else f'"{name}"'
    for name in EXPECTED
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_file_gives_its_samples_and_says_the_rest(query: Query, case: Case):
    places = [f"oil-analysis/bronze/{case.client}/{name}" for name in (case.name, *case.copies)]
    found = query(
        f"select sampleNumber, {COLUMNS} from silver.samples"
        " where list_contains(?, sourceFile)", places
    )  # fmt: skip
    samples = {number: dict(zip(EXPECTED, rest, strict=True)) for number, *rest in found}
    assert samples == {number: EXPECTED | differences for number, differences in case.samples.items()}
    reasons = query("select reason from silver.rejected where list_contains(?, file_key) order by 1", places)
    assert [reason for (reason,) in reasons] == sorted(case.reasons)
