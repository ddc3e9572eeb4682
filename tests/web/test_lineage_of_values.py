"""Test that a value leads to the very cell of the laboratory's file that it was read from."""

from __future__ import annotations

import duckdb
import pytest
from tests.support.page_reader import Pages, text_of

from tribolake.settings import Settings

pytestmark = pytest.mark.slow
RESULTS = """
    select
        results.client, results.laboratory, results.sampleNumber as sample, results.sampleOccurrence as occurrence,
        results.essay, results.raw_text, results.is_computed, columns.column_name, rows.row_number, rows.cells
    from silver.results as results
    inner join silver.stg_columns as columns on results.column_id = columns.column_id
    inner join bronze.bronze_rows as rows on results.data_row_id = rows.row_id
    order by results.row_id, results.essay
"""


@pytest.fixture(scope="module")
def results(warehouse_of_pages: duckdb.DuckDBPyConnection) -> list[dict]:
    return warehouse_of_pages.sql(RESULTS).to_arrow_table().to_pylist(maps_as_pydicts="strict")


def test_pages_mark_the_cell_of_values_of_all_kinds(pages: Pages, results: list[dict]):
    plain = [result for result in results if len(result["sample"]) < 20 and result["raw_text"].isascii()]
    for result in plain[:: len(plain) // 60]:
        page = pages.read(
            "/lineage",
            client=result["client"].lower(),
            sample=result["sample"],
            occurrence=result["occurrence"],
            laboratory=result["laboratory"],
            essay=result["essay"],
        )
        assert text_of(page.select_one("h3")) == f"Fila {result['row_number']}"
        marked = page.select_one("#cell")
        assert marked, (result["sample"], result["essay"])
        text = text_of(marked.mark)
        if result["is_computed"]:
            assert result["raw_text"] == f"computed from {text} particles/ml"
            assert "se calcula de Partículas" in text_of(page.select_one(".notice"))
        else:
            assert text == " ".join(result["raw_text"].split()), result["essay"]


def test_each_value_of_a_report_leads_to_a_marked_cell_or_says_why_not(pages: Pages):
    emin = pages.read("/", client="emin").select_one("th.unit > a")["href"]
    for address in ("/m?client=cda&unit=T-01", emin):
        machine = pages.read(address)
        report = pages.read(machine.select_one("table.components th a")["href"])
        links = report.select("table.values a.value")
        assert len(links) > 10
        for link in links:
            page = pages.read(link["href"])
            assert page.select_one("#cell"), link["href"]


def test_row_has_every_cell_of_the_file_and_nothing_is_marked_without_an_essay(pages: Pages, results: list[dict]):
    result = next(one for one in results if one["laboratory"] == "als")
    page = pages.read("/lineage", client="emin", sample=result["sample"], laboratory="als", essay="no essay")
    shown = {text_of(cell.dt): text_of(cell.dd.bdi) for cell in page.select(".cells > div")}
    assert shown == {name: " ".join(text.split()) for name, text in result["cells"].items()}
    assert not page.select(".chosen, mark, #cell")


def test_essay_that_the_report_has_not_is_said(pages: Pages, results: list[dict]):
    result = next(one for one in results if one["laboratory"] == "als")
    page = pages.read("/lineage", client="emin", sample=result["sample"], laboratory="als", essay="Urea")
    assert "no tiene un resultado de Urea" in text_of(page.select_one(".notice"))
    assert not page.select("mark")


def test_file_that_is_too_large_for_a_page_is_said(
    page_lake: Settings, results: list[dict], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tribolake.oil.written.rows.MOST_MB", 0)
    result = next(one for one in results if one["laboratory"] == "als")
    page = Pages(page_lake).read("/lineage", client="emin", sample=result["sample"], laboratory="als", essay="Hierro")
    assert "demasiado grande" in text_of(page.select_one(".notice"))
    assert "mismos bytes" in text_of(page.select_one(".verdict"))
