"""Units that are probably one under two names."""

from __future__ import annotations

import duckdb
import pytest

from tribolake.oil.unit_aliases import seed_rows, suggest_aliases
from tribolake.settings import Settings

SAMPLES = """
    create schema silver;
    create table silver.samples as
    select
        'CDA' as client, unit as unitId, timestamp '2026-01-01' + to_days(day) as sampleTimestamp,
        date '2026-01-01' + day as sampleDate, 'motor' as componentNameNormalized, serial as machineSerialNumber
    from (values
        ('T_09', 1, 'SN0009'), ('T_09', 2, 'SN0009'), ('T_9', 3, null), ('T09', 1, null),
        ('T_10', 4, null), ('T_10', 5, null), ('T_11', 6, null), ('CA_09', 7, null), ('CF_09', 8, null),
        ('CA_10', 9, null), ('CF_10', 10, null), ('TX_10', 11, null), ('T_99', 12, 'SN0009')
    ) as t(unit, day, serial)
"""


@pytest.fixture
def lake(settings: Settings) -> Settings:
    settings.state.mkdir(parents=True)
    with duckdb.connect(settings.warehouse) as warehouse:
        warehouse.execute(SAMPLES)
    return settings


def test_likely_pairs_are_suggested_and_neighbours_are_not(lake):
    found = {(pair["unit"], pair["alias_of"]): pair for pair in suggest_aliases(lake, None)}
    assert {names: pair["reason"] for names, pair in found.items()} == {
        ("T09", "T_09"): "the same letters and digits",
        ("T09", "T_9"): "the same without leading zeros",
        ("T_9", "T_09"): "the same without leading zeros",
        ("T_99", "T_09"): "one character differs, same serial number",
        ("TX_10", "T_10"): "one letter differs",
    }
    pair = found["T09", "T_09"]
    assert (pair["unit_samples"], pair["alias_of_samples"], pair["common_components"], pair["common_dates"]) == (
        1,
        2,
        1,
        1,
    )


def test_seed_rows_have_each_unit_once(lake):
    rows = seed_rows(suggest_aliases(lake, ["cda"])).splitlines()
    assert "cda,T09,T_09,the same letters and digits" in rows
    units = [row.split(",")[1] for row in rows]
    assert len(units) == len(set(units))


def test_other_clients_are_left_out(lake):
    assert suggest_aliases(lake, ["emin"]) == []
