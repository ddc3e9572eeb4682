"""A client with several laboratories has one fleet, one history and one publication."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.lab_files import finning
from tests.support.project_copy import copy_project, in_project

from tribolake.product import Product
from tribolake.products import OIL
from tribolake.run.data_tests import Finding
from tribolake.run.pipeline import hold_back_clients
from tribolake.run.report import ClientReport, RunReport

NUMBER, DAY = "No. de control de laboratorio", "Fecha de Toma de Muestra"
SEEDS = {
    "clients": "cda_lab1,CDA,lab1,,America/Santiago\ncda_north,CDA,finning,,America/Santiago\n",
    "laboratories": 'lab1,wide,",",true,true,,,,,,,,4\n',
    "unit_aliases": "CDA,CAMION 1,T-01,as the workshop calls it\n",
    "lab_sheets": "lab1,*,oil,SAMPLE ID\n",
    "lab_fields": "".join(
        f"lab1,{header},1,{field}\n"
        for header, field in (
            ("SAMPLE ID", "sampleNumber"), ("DATE TAKEN", "sampleDate"), ("UNIT ID", "unitId"),
            ("UNIT MODEL", "machineModel"), ("COMPONENT", "componentName"),
        )
    ),
    "lab_essays": "lab1,*,Fe (ppm),Hierro,1,\nlab1,*,Si (ppm),Silicio,1,\n",
}  # fmt: skip
LAB_1 = "SAMPLE ID;DATE TAKEN;UNIT ID;UNIT MODEL;COMPONENT;Fe (ppm);Si (ppm)\n"


class Lake:
    """A lake of a project with further laboratories."""

    def __init__(self, project: Path) -> None:
        self.project = project

    def deliver(self, name: str, content: bytes) -> None:
        path = self.project / "data" / "oil-analysis" / "bronze" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return in_project(self.project, "tribolake", *words)

    def run(self, *words: str) -> dict[str, Any]:
        ended = self.command("run", "--json", *words)
        assert ended.stdout, ended.stderr
        return json.loads(ended.stdout)

    def reports(self, columns: str) -> list[tuple[Any, ...]]:
        gold = self.project / "data" / "oil-analysis" / "gold" / "cda" / "classified_reports.parquet"
        return duckdb.execute(
            f"select {columns} from read_parquet($1) where unitId in ('T_01', 'T_02')"
            " order by sampleTimestamp, sampleNumber",
            [str(gold)],
        ).fetchall()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Finning and another laboratory have delivered samples of one component, and a run has published them."""
    project = copy_project(tmp_path_factory.mktemp("laboratories") / "project")
    for name, rows in SEEDS.items():
        with (project / "seeds" / "oil" / f"{name}.csv").open("a", encoding="utf-8") as seed:
            seed.write(rows)
    lake = Lake(project)
    lake.deliver("cda/a.xlsx", finning({NUMBER: "F-1", DAY: "2026-01-05"}, {NUMBER: "F-2", DAY: "2026-01-15"}))
    # The group has so many samples that one more does not make its limits be calculated again.
    fleet = [{NUMBER: f"G-{at}", DAY: "2025-01-05", "ID de equipo": f"T-{at}"} for at in range(50, 90)]
    lake.deliver("cda/fleet.xlsx", finning(*fleet))
    lake.deliver("cda_lab1/b.csv", f"{LAB_1}L-1;10/01/2026;T-01;789C;MOTOR;12;5\n".encode())
    report = lake.run()
    assert not report["failed_tests"], report["failed_tests"]
    yield lake
    shutil.rmtree(project)


@pytest.mark.slow
def test_laboratories_of_a_client_have_one_history(lake):
    assert lake.reports("client, laboratory, sampleNumber, previousSampleNumber")[:3] == [
        ("CDA", "finning", "F-1", None), ("CDA", "lab1", "L-1", "F-1"), ("CDA", "finning", "F-2", "L-1"),
    ]  # fmt: skip


@pytest.mark.slow
def test_delivery_of_the_second_laboratory_is_published_at_once(lake):
    lake.deliver("cda_lab1/next.csv", f"{LAB_1}L-2;20/01/2026;T-01;789C;MOTOR;12;5\n".encode())
    report = lake.run()
    cda = report["clients"]["cda"]
    assert set(report["clients"]) == {"cda", "emin"}
    assert (cda["arrivals"], cda["rows_loaded"], cda["samples"]) == (1, 1, 44)
    assert cda["published"] and cda["changed"]
    assert lake.reports("sampleNumber, Hierro, previousSampleNumber")[-1] == ("L-2", 12, "F-2")
    manifest = lake.project / "data" / "oil-analysis" / "gold" / "cda" / "_manifest.json"
    sources = {source["key"] for source in json.loads(manifest.read_text(encoding="utf-8"))["sources"]}
    assert "oil-analysis/bronze/cda_lab1/next.csv" in sources
    assert lake.run()["nothing_new"]


@pytest.mark.slow
def test_folder_of_a_client_stands_for_the_client_in_commands(lake):
    lake.deliver("cda_lab1/waiting.csv", f"{LAB_1}L-3;22/01/2026;T-02;789C;MOTOR;9;5\n".encode())
    for name in ("cda", "CDA_LAB1"):
        status = json.loads(lake.command("status", "--json", "--client", name).stdout)
        assert status["waiting_files"] == ["oil-analysis/bronze/cda_lab1/waiting.csv"]
        assert {machine["client"] for machine in status["machines"]} == {"CDA"}
    assert lake.run("--client", "cda_lab1")["clients"]["cda"]["rows_loaded"] == 1


@pytest.mark.slow
def test_number_in_two_folders_of_a_client_is_one_sample(lake):
    """The same laboratory delivers to both: the later row counts, and the other is superseded."""
    again = {NUMBER: "F-1", DAY: "2026-01-05", "Fe": 99}
    lake.deliver(f"cda_north/{datetime.now(UTC):%Y-%m-%d}/again.xlsx", finning(again))
    report = lake.run()
    assert not report["failed_tests"]
    assert report["clients"]["cda"]["published"]
    assert [(number, iron) for number, iron in lake.reports("sampleNumber, Hierro") if number == "F-1"] == [("F-1", 99)]


@pytest.mark.slow
def test_seeds_give_zeros_back_and_join_units(lake):
    lake.deliver("cda_lab1/zeros.csv", f"{LAB_1}12;25/01/2026;camion  1;789C;MOTOR;7;5\n".encode())
    assert not lake.run()["failed_tests"]
    assert [row for row in lake.reports("sampleNumber, unitId, Hierro") if row[0] == "0012"] == [("0012", "T_01", 7)]


def product(folders: dict[str, str]) -> Product:
    return Product(
        name="test", address="", contract=OIL.contract, warehouse=OIL.warehouse, sources=OIL.sources,
        clients=lambda: ["cda", "emin"], policies=lambda: [], steps=OIL.steps, client_folders=lambda: folders,
    )  # fmt: skip


def test_names_of_folders_become_clients_and_back():
    of = product({"cda": "cda", "cda_lab1": "cda", "emin_als": "emin"})
    assert of.named_clients(["CDA_LAB1", "cda", "emin_als", "mina"]) == ["cda", "emin", "mina"]
    assert of.named_clients(None) is None
    assert of.folders_of(["cda"]) == ["cda", "cda_lab1"]
    assert of.folders_of(["emin", "mina"]) == ["emin", "emin_als", "mina"]
    assert of.folders_of(None) is None
    assert of.client_of("mina") == "mina"


def test_failed_row_of_a_folder_holds_back_its_client():
    report = RunReport("run", "default", "es", clients={"cda": ClientReport(), "emin": ClientReport()})
    hold_back_clients(product({"cda_lab1": "cda"}), report, [Finding("rows", True, "", frozenset({"cda_lab1"}))])
    assert set(report.problems) == {"cda"}
