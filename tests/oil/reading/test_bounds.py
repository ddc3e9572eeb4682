"""Values that physics rules out, columns that lost their decimal point, and zeros that were not measured."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from tests.support.lab_files import finning

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings

SEEDS = Path(__file__).parents[3] / "seeds" / "oil"
NUMBER, DAY, UNIT = "No. de control de laboratorio", "Fecha de Toma de Muestra", "ID de equipo"
METALS = ("Fe", "Cr", "Al", "Cu", "Pb", "Ni", "Sn", "Si", "Na", "K", "Zn", "Ca", "P", "Mg")


def test_each_essay_in_a_known_unit_has_bounds_with_a_source():
    with (SEEDS / "essays.csv").open(encoding="utf-8", newline="") as file:
        essays = list(csv.DictReader(file))
    for essay in essays:
        if essay["kind"] in ("numeric", "coded"):
            assert essay["bounds_source"], essay["essay"]
            assert essay["maximum"] or essay["unit"] == "as reported", essay["essay"]


def deliver(settings: Settings, name: str, samples: list[dict[str, object]]) -> None:
    path = settings.lake / "oil-analysis" / "bronze" / "cda" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(finning(*samples))


def rejections(settings: Settings) -> list[tuple]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(
            "select sampleNumber, essay, rejection from silver.results where rejection is not null order by all"
        ).fetchall()


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_impossible_values_are_refused_and_extremes_stay(settings: Settings):
    deliver(settings, "2026-01-06/a.xlsx", [
        {NUMBER: "A", UNIT: "T-1", DAY: "2026-01-05", "V100": 6274, "Fe": 2468, "TBN": -1},
        {NUMBER: "B", UNIT: "T-2", DAY: "2026-01-05", "Horas": 999999, "Meter on Fluid": -1, "V100": 14.2},
        {NUMBER: "C", UNIT: "T-3", DAY: "2026-01-05", "Fe": 60000},
        {NUMBER: "Z", UNIT: "T-4", DAY: "2026-01-05"} | dict.fromkeys(METALS, 0),
    ])  # fmt: skip
    run(OIL, settings)
    found = rejections(settings)
    assert [row for row in found if row[0] != "Z"] == [
        ("A", "TBN", "below_possible"),
        ("A", "Viscosidad 100°C", "above_possible"),
        ("C", "Hierro", "above_possible"),
    ]
    assert {reason for number, _, reason in found if number == "Z"} == {"not_measured_all_zero"}
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        assert warehouse.execute("select Hierro from silver.samples where sampleNumber = 'A'").fetchone() == (2468,)
        assert warehouse.execute(
            "select machineHours, oilMeter from silver.samples where sampleNumber = 'B'"
        ).fetchone() == (None, None)
        assert warehouse.execute(
            "select reason, column_name from silver.rejected where sampleNumber = 'B' order by 1"
        ).fetchall() == [("meter_below_possible", "Meter on Fluid"), ("meter_not_known", "Horas")]


def family(lost: int) -> list[dict[str, object]]:
    """Samples of one component family, of which some lost the point of their TBN."""
    values: list[float] = [8.15 + (at * 7 % 13) / 10 for at in range(40)]
    values[:lost] = [83 + at for at in range(lost)]
    return [
        {NUMBER: f"S-{at}", UNIT: f"T-{at}", DAY: "2026-01-05", "TBN": value, "Fe": 10, "V100": 14.2 + at / 100}
        for at, value in enumerate(values)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
def test_a_single_extreme_stays_until_a_second_one_comes(settings: Settings):
    samples = family(2)
    deliver(settings, "2026-01-06/a.xlsx", samples[1:])
    run(OIL, settings)
    assert rejections(settings) == []
    deliver(settings, "2026-01-07/b.xlsx", samples[:1])
    run(OIL, settings)
    lost = [("S-0", "TBN", "decimal_point_lost"), ("S-1", "TBN", "decimal_point_lost")]
    assert rejections(settings) == lost
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        published = warehouse.execute("select count(TBN), max(TBN) < 10 from gold.classified_reports").fetchone()
        assert published == (38, True)
        limit = warehouse.execute("select max(p90) < 10 from limits.int_limits where essay = 'TBN'").fetchone()
        assert limit == (True,)
        assert warehouse.execute(
            "select count(*) from silver.rejected where reason = 'decimal_point_lost' and column_name = 'TBN'"
        ).fetchone() == (2,)
    corrected = samples[0] | {"TBN": 8.3}
    deliver(settings, "2026-01-08/c.xlsx", [corrected])
    run(OIL, settings)
    assert rejections(settings) == []


@pytest.mark.slow
@pytest.mark.usefixtures("parsed_project")
@pytest.mark.parametrize("seed", [1, 2])
def test_lost_points_do_not_depend_on_the_order_of_arrival(settings: Settings, seed: int):
    samples = family(6)
    samples = samples[seed * 13 :] + samples[: seed * 13]
    for at in range(3):
        deliver(settings, f"2026-01-0{6 + at}/part.xlsx", samples[at::3])
        run(OIL, settings)
    assert rejections(settings) == [(f"S-{at}", "TBN", "decimal_point_lost") for at in range(6)]
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        published = warehouse.execute("select count(TBN), max(TBN) < 10 from gold.classified_reports").fetchone()
        assert published == (34, True)
