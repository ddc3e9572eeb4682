"""Test that `results` and `component_status`, which pages read, say what the rest of gold says and what bronze has."""

from __future__ import annotations

import json
import random
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook
from tests.support.page_reader import Pages, text_of

from tribolake.oil.questions.published import rows
from tribolake.oil.seeds import read_seed
from tribolake.settings import Settings

pytestmark = pytest.mark.slow
KEY = ("client", "laboratory", "sampleNumber", "sampleOccurrence")


def test_results_are_those_of_the_reports(page_lake: Settings):
    """Every value is its essay's column, every breach and status that of the report, and nothing else is judged."""
    numeric = [row["essay"] for row in read_seed("essays") if row["has_column"] == "true" and row["kind"] == "numeric"]
    of_report: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for result in rows(page_lake, "from results"):
        of_report.setdefault(tuple(result[name] for name in KEY), {})[result["essay"]] = result
    checked = 0
    for report in rows(page_lake, "from classified_reports"):
        results = of_report.get(tuple(report[name] for name in KEY), {})
        for essay in numeric:
            assert report[essay] == results.get(essay, {"value": None})["value"], (report["sampleNumber"], essay)
            checked += report[essay] is not None
        breaches = {one["essay"]: one for one in json.loads(report["breached_essays"])}
        assert breaches.keys() == {essay for essay, one in results.items() if one["points"]}
        for essay, breach in breaches.items():
            found = results[essay]
            assert (found["value"], found["limit_value"], found["status"], found["points"]) == (
                breach["value"], breach["limit"], breach["threshold"], breach["points"],
            )  # fmt: skip
        statuses = {essay: one["status"] for essay, one in results.items() if one["status"] is not None}
        assert statuses == json.loads(report["essay_status"])
        rejected = {essay for essay, one in results.items() if one["rejection"]}
        assert rejected == json.loads(report["rejected_essays"] or "{}").keys()
        assert sum(one["status_points"] or 0 for one in results.values()) == report["classification_score"]
    assert checked > 3000


def test_limit_in_breach_is_one_of_the_limits_of_its_row(page_lake: Settings):
    floored = {row["essay"] for row in read_seed("policy_floors")}  # a floor is a limit of no group
    found = rows(page_lake, "from results where points > 0 and limit_source = 'percentile'")
    assert len(found) > 5
    is_own = []
    for one in found:
        side = "threshold" if one["direction"] == "upper" else "lower"
        band = {"Marginal": "normal", "Condenatorio": "alert", "Critico": "critic"}[one["status"]]
        own = one[f"{side}_{band}"]
        is_own.append(one["limit_value"] == own)
        if not is_own[-1]:
            assert one["essay"] in floored
            assert (one["limit_value"] > own) == (side == "threshold")
        assert one["n"] > 0
        assert one["quality"] in ("A", "B", "C")
    assert any(is_own)


@cache
def table_of(file: Path, sheet: str) -> list[list[Any]]:
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        return [table.column_names, *map(list, zip(*(column.to_pylist() for column in table.columns), strict=True))]
    return CalamineWorkbook.from_path(file).get_sheet_by_name(sheet).to_python(skip_empty_area=False)


def cell_of(lake: Path, result: dict[str, Any]) -> object:
    """The cell that a result names. `Si#3` is the third column called Si."""
    table = table_of(lake / result["sourceFile"], result["sourceSheet"])
    name, _, place = result["column_name"].partition("#")
    is_parquet = result["sourceFile"].endswith(".parquet")
    header = table[0] if is_parquet else next(row for row in table if name in row)
    columns = [number for number, text in enumerate(header) if text == name]
    row = table[result["sourceRow"]] if is_parquet else table[result["sourceRow"] - 1]
    return row[columns[int(place or 1) - 1]]


def test_cells_of_500_results_have_what_the_laboratory_wrote(page_lake: Settings):
    found = rows(
        page_lake,
        "from results where column_name is not null and length(text) < 60 and text not like '% | %'"
        " and sourceFile not like '%hostile%' order by all",
    )
    wrong = []
    for result in random.Random(3).sample(found, 500):  # noqa: S311 - protects nothing
        cell = cell_of(page_lake.lake, result)
        written = f"{cell:.15g}" if isinstance(cell, float | int) else str(cell).strip()
        text = f"computed from {written} particles/ml" if result["is_computed"] else written
        if text != result["text"]:
            wrong.append((result["sourceFile"], result["sourceRow"], result["column_name"], cell, result["text"]))
    assert wrong == []


def test_components_are_the_latest_reports_in_the_order_of_their_machine(page_lake: Settings):
    latest = rows(
        page_lake,
        "select client, unitId, componentName, report_status, classification_score, ai_recommendation, urgency"
        " from classified_reports"
        " qualify row_number() over (partition by client, unitId, componentName"
        " order by sampleTimestamp desc, sourceFile, sourceSheet, sourceRow) = 1 order by all",
    )
    found = rows(
        page_lake,
        "select client, unit_id, component, status, score, ai_recommendation, urgency"
        " from component_status order by all",
    )
    assert [list(row.values()) for row in found] == [list(row.values()) for row in latest]
    order = rows(
        page_lake, "select client, unit_id, list(component order by place) as o from component_status group by all"
    )
    machines = rows(page_lake, "select client, unit_id, component_order as o from machine_status_current")
    assert sorted(map(repr, order)) == sorted(map(repr, machines))


def test_fleet_of_an_earlier_release_shows_machines_and_names_the_command(page_lake: Settings, tmp_path: Path):
    """A publication without the new tables, as an earlier release leaves it."""
    gold = "oil-analysis/gold"
    shutil.copytree(page_lake.lake / gold / "cda", tmp_path / "lake" / gold / "cda", symlinks=True)
    manifest = (tmp_path / "lake" / gold / "cda" / "_manifest.json").resolve()
    listed = json.loads(manifest.read_text(encoding="utf-8"))
    listed["files"] = [
        file for file in listed["files"] if file["name"] not in ("results.parquet", "component_status.parquet")
    ]
    manifest.chmod(0o600)
    manifest.write_text(json.dumps(listed), encoding="utf-8")
    pages = Pages(page_lake.changed(lake=tmp_path / "lake", state_dir=tmp_path / "state"))
    fleet = pages.read("/", show=1000)
    assert "Una versión anterior publicó los datos de CDA" in text_of(fleet.find(role="note"))
    assert fleet.select("table.fleet tbody tr")
