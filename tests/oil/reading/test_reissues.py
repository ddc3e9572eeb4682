"""A later row of a sample adds and corrects. It erases nothing, unless its laboratory says so."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pytest
from tests.support.lab_files import FINNING, finning, workbook
from tests.support.page_reader import Pages, text_of

from tribolake.oil.product import OIL
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("parsed_project")]
NUMBER, UNIT = "No. de control de laboratorio", "ID de equipo"
# Iron is re-issued, TBN comes later, silicon is there from the start, and copper becomes an error cell.
FILES = {
    "2026-01-11/first.xlsx": [{NUMBER: "R-1", UNIT: "T-71", "Fe": 420, "Si": 120, "Cu": 7, "TBN": "", "W": ""}],
    "2026-01-12/again.xlsx": [{NUMBER: "R-1", UNIT: "T-71", "Fe": 42, "Si": "-", "Cu": "#N/A", "TBN": "", "Horas": ""}],
    "2026-01-13/tbn.xlsx": [
        dict.fromkeys(("Cu", "Fe", "Si", "Al", "V100", "W", "Horas", "Model", "Meter on Fluid"), "")
        | {NUMBER: "R-1", UNIT: "T-71", "TBN": 4.1}
    ],
}
COLUMNS = 'Hierro, Silicio, Cobre, TBN, "Viscosidad 100°C", machineHours, machineName, oilMeter, sourceFile'


def deliver(settings: Settings, *names: str) -> None:
    for name in names:
        path = settings.lake / "oil-analysis" / "bronze" / "cda" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finning(*FILES[name]))


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def lake(parsed_project: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = load_settings(lake=tmp_path_factory.mktemp("reissues"))
    for name in FILES:
        deliver(settings, name)
        run(OIL, settings)
    return settings


def test_later_rows_add_and_correct(lake):
    (sample,) = query(lake, f"select {COLUMNS} from gold.classified_reports")
    assert sample[:-1] == (42, 120, 7, 4.1, 14.2, 50001, "camion", 200)
    assert sample[-1].endswith("tbn.xlsx")


@pytest.mark.parametrize(
    ("essay", "file", "text"),
    [("Hierro", "again.xlsx", "42"), ("Silicio", "first.xlsx", "120"), ("TBN", "tbn.xlsx", "4.1")],
)
def test_value_of_an_earlier_row_leads_to_its_own_cell(lake, essay, file, text):
    page = Pages(lake).read("/lineage", client="cda", sample="R-1", essay=essay)
    assert text_of(page.select_one("#cell mark")) == text
    assert f"/{file} " in text_of(page.select_one(".card:has(.verdict)"))


def test_revisions_say_what_they_changed_and_left_out(lake):
    changes = query(
        lake,
        "select parse_filename(sourceFile), name, change, text_before, text_after, is_kept"
        " from silver.revision_changes inner join silver.int_sample_revisions using (row_id)"
        " where name in ('Hierro', 'Silicio', 'Cobre', 'TBN', 'machineHours', 'Agua') order by all",
    )
    assert changes == [
        ("again.xlsx", "Agua", "added", None, "N", False),
        ("again.xlsx", "Cobre", "changed", "7", "#N/A", False),
        ("again.xlsx", "Hierro", "changed", "420", "42", False),
        ("again.xlsx", "Silicio", "removed", "120", None, True),
        ("again.xlsx", "machineHours", "removed", "50001.0", None, True),
        ("tbn.xlsx", "Agua", "removed", "N", None, True),
        ("tbn.xlsx", "Cobre", "removed", "#N/A", None, True),
        ("tbn.xlsx", "Hierro", "removed", "42", None, True),
        ("tbn.xlsx", "TBN", "added", None, "4.1", False),
    ]


@pytest.mark.parametrize("seed", range(2))
def test_merge_does_not_depend_on_the_order_of_arrival(lake, tmp_path, seed):
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    settings = load_settings(lake=tmp_path)
    order = chance.sample(list(FILES), len(FILES))
    for batch in (order[:1], order[1:]):
        deliver(settings, *batch)
        run(OIL, settings)
    for table in ("silver.results", "silver.revision_changes"):
        compared = "* exclude (row_id, row_id_before)" if "changes" in table else "* exclude (row_id, data_row_id)"
        same = f"select {compared} from {table} order by all"
        assert query(settings, same) == query(lake, same)
    assert query(settings, f"select {COLUMNS} from silver.samples") == query(
        lake, f"select {COLUMNS} from silver.samples"
    )


def test_reference_policy_takes_the_last_row_alone(tmp_path):
    settings = load_settings(lake=tmp_path)
    deliver(settings, *FILES)
    run(OIL, settings, policy="reference")
    assert query(settings, "select Hierro, Silicio, TBN, machineHours from silver.samples") == [(None, None, 4.1, None)]


def test_withdrawn_row_takes_its_results_with_it(tmp_path):
    settings = load_settings(lake=tmp_path)
    deliver(settings, "2026-01-11/first.xlsx", "2026-01-13/tbn.xlsx")
    run(OIL, settings)
    assert query(settings, "select Hierro, TBN from silver.samples") == [(420, 4.1)]
    path = settings.lake / "oil-analysis" / "bronze" / "cda" / "2026-01-11" / "first.xlsx"
    path.write_bytes(workbook([[*FINNING], [*(FINNING | {NUMBER: "R-2"}).values()]]))
    run(OIL, settings)
    assert query(settings, "select sampleNumber, Hierro, TBN from silver.samples order by 1") == [
        ("R-1", None, 4.1), ("R-2", 11, 9.5),
    ]  # fmt: skip
