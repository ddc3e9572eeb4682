"""Public bug reports and files from people who do this job, each as its README expects it. One function a case."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.project_copy import copy_project, in_project

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]


@pytest.fixture
def cases(real_data: Path) -> Path:
    folder = real_data / "cases"
    if not folder.exists():
        pytest.skip("the public cases are not next to this checkout")
    return folder


def deliver(bronze: Path, case: Path, name: str, day: str, client: str = "cda") -> None:
    folder = bronze / client / day
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(case / name, folder / name)


def bronze_with_real_files(lake: Path, real_data: Path, *names: str) -> Path:
    """Bronze of a lake with real files, so that groups have limits."""
    bronze = lake / "oil-analysis" / "bronze"
    for name in names:
        (bronze / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real_data / "bronze" / name, bronze / name)
    return bronze


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


def test_case_01_reused_sample_numbers_are_five_samples(cases, settings):
    deliver(settings.lake / "oil-analysis" / "bronze", cases / "01-sample-number-reused", "reused.xlsx", "2026-01-11")
    report = run(OIL, settings)
    assert (report.clients["cda"].rows_loaded, report.clients["cda"].rows_superseded) == (5, 0)
    assert query(settings, "select distinct unit_id from gold.machine_status_current order by 1") == [
        ("T_71",), ("T_72",), ("T_73",),
    ]  # fmt: skip
    assert query(
        settings, "select unitId, cast(sampleDate as varchar), Hierro from gold.classified_reports order by all"
    ) == [
        ("T_71", "2025-06-03", 310), ("T_71", "2025-07-12", 12), ("T_71", "2026-01-05", 11),
        ("T_72", "2026-01-05", 21), ("T_73", "2026-01-05", 22),
    ]  # fmt: skip
    assert query(settings, "select sampleNumber, count(*) from silver.doubtful_samples group by 1 order by 1") == [
        ("26165146253", 2), ("26165147000", 2),
    ]  # fmt: skip


def test_case_09_partial_reissue_adds_and_erases_nothing(cases, real_data, settings):
    bronze = bronze_with_real_files(settings.lake, real_data, "cda/T-09.xlsx")
    deliver(bronze, cases / "09-partial-re-issue", "first.xlsx", "2026-01-11")
    run(OIL, settings)
    deliver(bronze, cases / "09-partial-re-issue", "supplement.xlsx", "2026-01-13")
    run(OIL, settings)
    assert query(
        settings,
        "select Hierro, Silicio, Aluminio, TBN, report_status, parse_filename(sourceFile)"
        " from gold.classified_reports where unitId = 'T_89'",
    ) == [(420, 120, 44, 4.1, "Anormal", "supplement.xlsx")]


def test_case_11_second_laboratory_of_a_client_is_of_its_fleet(cases, real_data, tmp_path):
    case = cases / "11-second-lab-of-one-client-and-ppm"
    project = copy_project(tmp_path / "project")
    subprocess.run([sys.executable, str(case / "seed_rows.py")], cwd=project, check=True, env=dict(os.environ))
    lake = project / "data"
    bronze = bronze_with_real_files(lake, real_data, "cda/T-09.xlsx")
    deliver(bronze, case, "lab1.xlsx", "2026-01-17", client="cda_lab1")
    assert in_project(project, "tribolake", "run", "--no-ai").returncode in (0, 4)
    deliver(bronze, case, "lab1_next_week.xlsx", "2026-01-24", client="cda_lab1")
    assert in_project(project, "tribolake", "run", "--no-ai").returncode in (0, 4)
    gold = lake / "oil-analysis" / "gold" / "cda" / "classified_reports.parquet"
    samples = duckdb.execute(
        "select sampleNumber, previousSampleNumber is not null, Hierro from read_parquet($1) where laboratory = 'lab1'"
        " and sampleNumber in ('L1-0001', 'L1-0099') order by 1", [str(gold)]
    ).fetchall()  # fmt: skip
    assert samples == [("L1-0001", True, 11), ("L1-0099", True, 512)]
    # 450 ppm of water is 0.045 %, below the smallest fixed band.
    water = duckdb.execute(
        "select sampleNumber, Agua, json_extract_string(essay_status, '$.Agua') from read_parquet($1)"
        " where laboratory = 'lab1' and Agua between 0.04499 and 0.04501", [str(gold)]
    ).fetchall()  # fmt: skip
    assert water and {status for _, _, status in water} <= {"Normal", "Sin evaluar"}


@pytest.mark.parametrize("name", ["nine_percent.xlsx", "nine_percent_right.xlsx"])
def test_case_02_lost_decimal_points_make_no_limits(cases, real_data, settings, name):
    bronze = bronze_with_real_files(settings.lake, real_data, "cda/T-09.xlsx", "cda/T-10.xlsx")
    deliver(bronze, cases / "02-decimal-point-lost", "lost_point.xlsx", "2026-01-10")
    deliver(bronze, cases / "02-decimal-point-lost", name, "2026-01-11")
    run(OIL, settings)
    assert query(
        settings,
        "select distinct report_status from gold.classified_reports"
        " where \"Viscosidad 100°C\" = 25 and componentNameNormalized = 'motor'",
    ) == [("Alerta",)]
    assert query(
        settings,
        "select max(p98) < 30 from limits.stewart_limits where essay = 'Viscosidad 100°C' and component = 'motor'",
    ) == [(True,)]
    assert ("6274",) in query(
        settings, "select raw_text from silver.results where rejection in ('above_possible', 'decimal_point_lost')"
    )
