"""Units of laboratories become those of the essays."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from tests.support.lab_files import finning
from tests.support.project_copy import copy_project, in_project

SEEDS = Path(__file__).parents[3] / "seeds" / "oil"
NUMBER, DAY = "No. de control de laboratorio", "Fecha de Toma de Muestra"


def rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_conversion_has_its_inverse():
    found = {(row["from_unit"], row["to_unit"]): (float(row["factor"]), float(row["offset"])) for row in
             rows("unit_conversions")}  # fmt: skip
    for (one, other), (factor, offset) in found.items():
        inverse_factor, inverse_offset = found[other, one]
        for value in (-40.0, 0.0, 451.5):
            assert (value * factor + offset) * inverse_factor + inverse_offset == pytest.approx(value, abs=1e-9)


def test_units_of_conversions_and_scales_have_a_text():
    known = {row["unit"] for row in rows("unit_texts")}
    units = {row[side] for row in rows("unit_conversions") for side in ("from_unit", "to_unit")}
    assert units | {row["unit"] for row in rows("essay_scales")} <= known


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[tuple]:
    """Results of a laboratory that writes its own units, next to one in the same fleet."""
    project = copy_project(tmp_path_factory.mktemp("units") / "project")
    additions = {
        "clients": "cda_lab1,CDA,lab1,,America/Santiago\n",
        "laboratories": "lab1,wide,.,true,true\n",
        "lab_sheets": "lab1,*,oil,SAMPLE\n",
        "lab_fields": "lab1,SAMPLE,1,sampleNumber\nlab1,DAY,1,sampleDate\nlab1,UNIT,1,unitId\n"
        "lab1,PART,1,componentName\n"
        "lab1,MODEL,1,machineModel\n",
        "lab_essays": "lab1,*,Water,Agua,1,ppm\nlab1,*,Oxidation,Oxidación,1,Abs/.1mm\nlab1,*,Soot,Hollín,1,% wt\n"
        "lab1,*,Base,TBN,1,cSt\nlab1,*,Iron,Hierro,1,MG/KG\n",
    }
    for name, text in additions.items():
        with (project / "seeds" / "oil" / f"{name}.csv").open("a", encoding="utf-8") as seed:
            seed.write(text)
    bronze = project / "data" / "oil-analysis" / "bronze"
    for client in ("cda", "cda_lab1"):
        (bronze / client).mkdir(parents=True)
    fleet = [{NUMBER: f"F-{at}", DAY: "2026-01-05", "ID de equipo": f"T-{at}", "ST": 30 + at % 9} for at in range(40)]
    (bronze / "cda" / "a.xlsx").write_bytes(finning(*fleet))
    lines = "".join(f"L-{at};05/01/2026;T-{at};789C;MOTOR;450;0.11;0.{4 + at % 3};8.9;12\n" for at in range(100, 140))
    (bronze / "cda_lab1" / "b.csv").write_text(
        f"SAMPLE;DAY;UNIT;MODEL;PART;Water;Oxidation;Soot;Base;Iron\n{lines}", encoding="utf-8"
    )
    ended = in_project(project, "tribolake", "run", "--no-ai")
    assert ended.returncode in (0, 4), ended.stderr
    with duckdb.connect(project / "data" / "_state" / "warehouse.duckdb", read_only=True) as warehouse:
        values = warehouse.execute(
            "select essay, round(value, 6), unit, lab_value, lab_unit, rejection from silver.results"
            " where sampleNumber = 'L-100' order by 1"
        ).fetchall()
        soot = warehouse.execute(
            "select unit, count, p90 > 5 from limits.stewart_limits where essay = 'Hollín' order by unit"
        ).fetchall()
    return [values, soot]


@pytest.mark.slow
def test_values_are_in_the_unit_of_their_essay(results):
    assert results[0] == [
        ("Agua", 0.045, "%", 450, "ppm", None),
        ("Hierro", 12, "ppm", 12, "MG/KG", None),
        ("Hollín", 0.5, "%", 0.5, "% wt", None),
        ("Oxidación", 11, "A/cm", 0.11, "Abs/.1mm", None),
        ("TBN", None, "cSt", 8.9, "cSt", "unit_not_convertible"),
    ]


@pytest.mark.slow
def test_soot_in_two_scales_has_limits_of_its_own(results):
    assert results[1] == [("%", 40, False), ("UFM", 40, True)]
