"""Test that the `reference` policy gives exactly the results of the production code."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

# A run of all real files takes 20 s of the processor.
pytestmark = [pytest.mark.usefixtures("parsed_project"), pytest.mark.slow]
REPORT_COLUMNS = (
    "client", "unitId", "machineName", "componentName", "componentNameNormalized", "sampleDate", "essays_broken",
    "severity_score", "report_status", "breached_essays",
)  # fmt: skip
LIMIT_COLUMNS = ("threshold_normal", "threshold_alert", "threshold_critic")
CLIENTS = ("cda", "emin")


@pytest.fixture(scope="module")
def reference_lake(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    lake = tmp_path_factory.mktemp("reference")
    shutil.copytree(real_data / "bronze", lake / "oil-analysis" / "bronze")
    settings = load_settings(lake=lake)
    report = run(OIL, settings, policy="reference")
    assert {client: done.published for client, done in report.clients.items()} == {"cda": True, "emin": True}
    return settings


def differences(ours: Path, oracle: Path, key: tuple[str, ...], columns: tuple[str, ...]) -> dict[str, int]:
    """Count rows that have no partner, or differ in a column."""
    on = " and ".join(f'ours."{name}" is not distinct from oracle."{name}"' for name in key)
    counts = ", ".join(
        f'count(*) filter (where cast(ours."{name}" as varchar) is distinct from cast(oracle."{name}" as varchar))'
        for name in columns
    )
    row = duckdb.execute(
        f"select {counts} from read_parquet(?) as ours full join read_parquet(?) as oracle on {on}",
        [str(ours), str(oracle)],
    ).fetchone()
    assert row is not None
    return {name: count for name, count in zip(columns, row, strict=True) if count}


@pytest.mark.parametrize("client", CLIENTS)
def test_reports_are_those_of_the_production_code(reference_lake, real_data, client):
    ours = reference_lake.lake / "oil-analysis" / "gold" / client / "classified_reports.parquet"
    oracle = real_data / "oracle" / client / "classified.parquet"
    assert differences(ours, oracle, ("sampleNumber",), REPORT_COLUMNS) == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_limits_are_those_of_the_production_code(reference_lake, real_data, client):
    ours = reference_lake.lake / "oil-analysis" / "gold" / client / "stewart_limits.parquet"
    oracle = real_data / "oracle" / client / "stewart_limits.parquet"
    assert differences(ours, oracle, ("client", "machine", "component", "essay"), LIMIT_COLUMNS) == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_machines_are_those_of_the_production_code(reference_lake, real_data, client):
    ours = reference_lake.lake / "oil-analysis" / "gold" / client / "machine_status_current.parquet"
    oracle = real_data / "oracle" / client / "machine_status.parquet"
    columns = tuple(
        name for (name, *_) in duckdb.execute("describe select * from read_parquet(?)", [str(oracle)]).fetchall()
    )
    assert differences(ours, oracle, ("unit_id",), columns) == {}


def test_iso_codes_of_the_laboratory_follow_from_its_counts(reference_lake):
    """Codes from counts are nearly always those that the laboratory wrote."""
    with duckdb.connect(reference_lake.warehouse, read_only=True) as warehouse:
        row = warehouse.execute("""
            with computed as (
                select row_id,
                       max(value) filter (where essay = 'ISO 4µ') as at_4,
                       max(value) filter (where essay = 'ISO 6µ') as at_6,
                       max(value) filter (where essay = 'ISO 14µ') as at_14
                from silver.results where is_computed and essay like 'ISO %' group by row_id
            )
            select count(*), count(*) filter (where stated.code <> concat_ws('/', at_4::int, at_6::int, at_14::int))
            from silver.results as stated inner join computed on stated.row_id = computed.row_id
            where stated.essay = 'Código ISO' and stated.code like '%/%/%' and not stated.is_computed
        """).fetchone()
    assert row is not None
    compared, different = row
    assert compared > 1000
    assert different / compared < 0.03
