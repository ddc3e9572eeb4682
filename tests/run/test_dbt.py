"""dbt as its users start it, in a copy of the project with the default profile and more rows in seeds."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import duckdb
import pytest
import xlsxwriter
from tests.support.project_copy import in_project

from tribolake.oil.synth import write_sample_lake


def dbt(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return in_project(project, "dbt.cli.main", *words)


def warehouse(project: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(project / "data" / "_state" / "warehouse.duckdb", read_only=True)


@pytest.mark.slow
def test_dbt_build_of_a_fresh_clone_passes(project: Path):
    """Models, seeds, contracts, data tests and unit tests, first on an empty lake."""
    empty = dbt(project, "build")
    assert empty.returncode == 0, empty.stdout[-3000:]
    write_sample_lake(project / "data", finning_units=2, als_units=8, months=12)
    filled = dbt(project, "build", "--exclude-resource-type", "unit_test")
    assert filled.returncode == 0, filled.stdout[-3000:]
    with warehouse(project) as connection:
        (machines,) = connection.execute("select count(*) from gold.machine_status_current").fetchone()
    assert machines == 10
    assert "--empty would take the rows" in dbt(project, "build", "--empty").stdout
    assert "PASS freshness of laboratories.arrivals" in dbt(project, "source", "freshness").stdout

    alone = dbt(project, "run", "--full-refresh", "--select", "samples")
    assert "run `dbt build --full-refresh` without a selection" in alone.stdout
    add_rows(project, "machine_models", {"model": "pc8000", "machine_name": "excavadora", "brand": "komatsu"})
    assert "`dbt build --full-refresh` builds them again" in dbt(project, "run", "--select", "int_contents").stdout


def add_rows(project: Path, seed: str, *rows: dict[str, object]) -> None:
    path = project / "seeds" / "oil" / f"{seed}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, header, lineterminator="\n", restval="").writerows(rows)


@pytest.mark.slow
def test_new_client_laboratory_and_essay_need_only_seeds(project: Path):
    add_rows(project, "laboratories", {
        "laboratory": "oilcheck", "layout": "wide", "decimal_mark": ",", "day_first": "true",
        "utc_midnight_is_a_date": "false", "reason": "a new laboratory",
    })  # fmt: skip
    add_rows(
        project, "lab_sheets", {"laboratory": "oilcheck", "sheet": "Results", "fluid": "oil", "key_header": "Lab no"}
    )
    fields = {
        "Lab no": "sampleNumber", "Sampled": "sampleDate", "Truck": "unitId", "Type": "machineModel",
        "Position": "componentName", "SMU": "machineHours",
    }  # fmt: skip
    add_rows(project, "lab_fields", *(
        {"laboratory": "oilcheck", "header": header, "occurrence": 1, "field": field}
        for header, field in fields.items()
    ))  # fmt: skip
    add_rows(project, "essays", {
        "position": 999, "essay": "Galio", "symbol": "Ga", "essay_group": "Desgaste", "unit": "ppm", "resolution": 1,
        "kind": "numeric", "minimum": 0, "has_column": "false", "description": "a new essay",
    })  # fmt: skip
    add_rows(project, "lab_essays", *(
        {"laboratory": "oilcheck", "sheet": "Results", "name": name, "essay": essay, "priority": 1}
        for name, essay in (("Iron", "Hierro"), ("Gallium", "Galio"))
    ))  # fmt: skip
    add_rows(project, "policy_essays", {
        "policy": "default", "essay": "Galio", "counts_for_status": "true", "direction": "upper", "reason": "new",
    })  # fmt: skip
    add_rows(project, "machine_models", {"model": "pc8000", "machine_name": "excavadora", "brand": "komatsu"})
    add_rows(project, "clients", {
        "client": "andes", "client_code": "ANDES", "laboratory": "oilcheck", "site": "Cumbre",
        "time_zone": "America/Lima",
    })  # fmt: skip
    bronze = project / "data" / "oil-analysis" / "bronze" / "andes"
    bronze.mkdir(parents=True)
    with xlsxwriter.Workbook(bronze / "export.xlsx") as book:
        sheet = book.add_worksheet("Results")
        sheet.write_row(0, 0, [*fields, "Iron", "Gallium"])
        for number in range(40):
            gallium = "50" if number == 39 else str(number % 3)
            row = [
                f"L{number}",
                f"{1 + number % 28:02d}/03/2025",
                "EX-1",
                "PC8000",
                "MOTOR",
                1000 + number,
                "12,5",
                gallium,
            ]
            sheet.write_row(number + 1, 0, row)

    test = "{{ config(severity='warn', error_if='> 1000') }} select client, unitId from {{ ref('samples') }}"
    (project / "tests" / "data" / "oil" / "samples_are_seen.sql").write_text(test)
    ended = in_project(project, "tribolake", "run", "--json")  # the default lake is ./data
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["failed_tests"] == []
    assert report["warnings"][0].startswith("samples_are_seen: 40 offending rows; client ANDES, unitId EX_1. All")
    assert report["clients"]["andes"]["rows_loaded"] == 40
    reports = project / "data" / "oil-analysis" / "gold" / "andes" / "classified_reports.parquet"
    rows = duckdb.execute(
        "select unitId, machineName, machineBrand, site, cast(sampleDate as varchar), Hierro, breached_essays"
        " from read_parquet(?) where sampleNumber = 'L39'",
        [str(reports)],
    ).fetchall()
    assert rows[0][:6] == ("EX_1", "excavadora", "komatsu", "Cumbre", "2025-03-12", 12.5)
    assert [breach["essay"] for breach in json.loads(rows[0][6])] == ["Galio"]


@pytest.mark.slow
def test_docs_command_writes_one_page_with_lineage(project: Path):
    (project / "data" / "_state").mkdir(exist_ok=True)
    ended = in_project(project, "tribolake", "docs", "--lake", "data", "--output", "site/index.html")
    assert ended.returncode == 0, ended.stderr
    page = (project / "site" / "index.html").read_text(encoding="utf-8")
    assert "machine_status_current" in page
    assert "exposure.tribolake.fusion_service" in page
    assert 'src="http' not in page
