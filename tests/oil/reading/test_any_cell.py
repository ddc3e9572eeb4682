"""A text in a cell costs that cell: every text in every field and essay, in the layouts of both laboratories."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from tests.support.drawn import drawn
from tests.support.lab_files import with_part, workbook_of

from tribolake.oil.product import OIL
from tribolake.oil.seeds import read_seed
from tribolake.readers.names import normal_form
from tribolake.run.pipeline import run
from tribolake.settings import load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
# A text that the escape `_xD800_` of a workbook makes of half a surrogate pair.
HALF_A_PAIR = "half a pair"
KNOWN = [
    "", " ", "\u00a0", "-", "--", ".", ",", "*", "#", "+", "%", "<", ">", "<>", "=", "'", '"', "''", "\\", "/",
    "~", "_",
    "NUL\x00byte", "bell\x07", "line\nbreak", "tab\tulator", "\ufeff12", "12\u200b", "\u202e12,5", "١٢٣",
    "１２，５", "½", "10²",
    "∞", "-∞", "inf", "Infinity", "-inf", "nan", "NaN", "1e308", "-1e308", "1e309", "1e-400", "-0", "-0.0", "0x1F",
    "1_000", "9" * 400, "0." + "0" * 400 + "1", "1.234", "1,234", "1.234.567", "1,23,456", "1 234,5",
    "1'234.5", "12,5 ppm",
    "380 ppm", "12 cSt", "12 furlongs", "<0.05%", ">28/25/20", "99/98/97", "99999999999/1/1", "18/16/13", "13/16/18",
    "<LOD", "ND", "TNTC", "Trazas", "Nil", "N", "T", "P", "E", "12*", "12 (R)", "~5", "5-10", "5 - 10", "-9999", "<-5",
    ">1e400", "#N/A", "#¡DIV/0!", "Err:502", "#####", "=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)",
    "'; drop table samples; --",
    "{{ 7 * 7 }}", "{% endif %}", "$(rm -rf /)", "${x}", "<script>alert(1)</script>", "../../etc/passwd",
    "NULL", "null",
    "true", "TRUE", "2026-01-05", "2026-01-05T00:00:00Z", "2026-13-45", "31/02/2026", "00/00/0000", "0000-00-00",
    "9999-12-31", "99999-01-01", "1899-12-30", "1950-01-01", "2150-06-07", "5-Jan", "ene-26", "12-ene-2026",
    "24:00", "25:61",
    "3:05 p. m.", "2026-01-05 15:05 +99:99", "2026-01-05 99:99:99", "45999", "99999999", "-45999",
    "2026-W54-9", "2026-366",
    "250:30:00", "🛢️🔧", "مرحبا", "שלום", "e\u0301" * 50, "x" * 10_000, "é" * 10_000,
]  # fmt: skip
DIGITS = st.text("0123456789.,'+-<>≤≥~*%() eE/:", max_size=14)
TEXTS = st.one_of(
    st.text(max_size=12),
    DIGITS,
    st.floats().map(repr),
    st.integers().map(str),
    st.tuples(DIGITS, st.sampled_from(["ppm", "*", " (R)", " H", " hrs", " km", "%", " furlong"])).map("".join),
    st.datetimes().map(str),
    st.dates().map(lambda day: day.strftime("%d/%m/%Y")),
    st.sampled_from(KNOWN),
)
TYPED = [0, -1, 1e308, -0.0, 12.5, 10**15, True, False, 45999]
FINNING = {
    "No. de control de laboratorio": "F", "Fecha de Toma de Muestra": "2026-01-05", "Model": "789C",
    "ID de equipo": "T-9",
    "Compartimento": "MOTOR", "Horas": "5000",
}  # fmt: skip
ALS = {
    "sampleNumber": "A", "collectionData_dateSampled": "2026-01-05T00:00:00.000Z", "equipment_tag": "CA-1",
    "equipment_family_name": "CAMION", "compartment_name": "MOTOR", "equipment_time": "5000",
}  # fmt: skip


def headers_of(laboratory: str, sheet: str) -> tuple[list[str], list[str]]:
    """The headers of the fields of a laboratory, and the names of the essays of a sheet."""
    fields = [row["header"] for row in read_seed("lab_fields") if row["laboratory"] == laboratory]
    essays = [
        row["name"] for row in read_seed("lab_essays") if (row["laboratory"], row["sheet"]) == (laboratory, sheet)
    ]
    return fields, essays


def samples(known: dict[str, str], fields: Sequence[str], essays: Sequence[str], texts: Sequence[object]) -> list[dict]:
    """Samples with each text in each field once; their essays have all texts in turn."""
    rows = []
    for field in fields:
        for text in texts:
            number = len(rows)
            row: dict[str, object] = {name: known.get(name, "") for name in fields}
            row[next(iter(known))] = f"{known[next(iter(known))]}{number}"
            row |= {essay: texts[(number + 7 * at) % len(texts)] for at, essay in enumerate(essays)}
            row[field] = text
            rows.append(row)
    return rows


def finning_file(texts: Sequence[object]) -> bytes:
    """A workbook of both sheets, with numbers and truth values too."""
    sheets = {}
    for sheet in ("OIL", "COOLANT"):
        fields, essays = headers_of("finning", sheet)
        cells = [*texts, HALF_A_PAIR, *TYPED] if sheet == "OIL" else texts[::3]
        names = list(dict.fromkeys([*fields, *essays]))
        rows = [[row[name] for name in names] for row in samples(FINNING, fields, essays, cells)]
        sheets[sheet] = [names, *rows]
    content = workbook_of(sheets)
    return with_part(content, "sharedStrings.xml", {HALF_A_PAIR.encode(): b"half _xD800_"})


def als_file(texts: Sequence[str]) -> bytes:
    """A Parquet table of name and value pairs."""
    fields, essays = headers_of("als", "*")
    rows = samples(ALS, fields, essays, texts)
    columns = {field: [str(row[field]) for row in rows] for field in fields}
    for at, essay in enumerate(essays):
        columns[f"testResults_{at}_test_translation_name"] = [essay] * len(rows)
        columns[f"testResults_{at}_resultValue"] = [str(row[essay]) for row in rows]
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


LOST_ROWS = """
    select file_key from silver.arrival_reconciliation
    where rows_read <> rows_loaded + rows_superseded + rows_rejected or rows_read = 0
"""
# Essay cells of current samples without a result, unless they say that nothing was measured.
LOST_RESULTS = """
    select cells.text, columns.essay
    from silver.stg_cells as cells
    inner join silver.stg_columns as columns using (column_id)
    inner join silver.int_sample_revisions as revisions using (row_id)
    left join silver.results as results on cells.row_id = results.row_id and columns.essay = results.essay
    where
        revisions.is_current and columns.essay is not null and cells.text <> '' and results.row_id is null
        and normal_form(cells.text) not in (
            select normal_form(text) from seeds.value_texts where meaning = 'not_measured'
        )
"""
# Number and date fields of usable rows that have a text and neither a value nor a reason.
LOST_FIELDS = """
    select {field}, checked.unread_fields
    from silver.stg_row_fields as fields
    inner join silver.int_checked_rows as checked using (row_id)
    where
        fields.{field} is not null and checked.{field} is null and checked.rejection is null
        and not coalesce(json_exists(checked.kilometers, '$.{field}'), false)
        and not coalesce(list_contains(list_transform(checked.unread_fields, lambda one: one.field), '{field}'), false)
        and normal_form(fields.{field}) not in (
            select normal_form(text) from seeds.value_texts where meaning = 'not_measured'
        )
"""
MISREAD = """
    select raw_text, value, calculation_value from silver.results
    where not isfinite(coalesce(value, 0)) or not isfinite(coalesce(calculation_value, 0))
"""


def check_any_cell(texts: Sequence[str]) -> None:
    """Run on files that have these texts everywhere, and check that only those cells are lost, each with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        bronze = Path(folder) / "oil-analysis" / "bronze"
        for name, content in (("cda/any.xlsx", finning_file(texts)), ("emin/any.parquet", als_file(texts))):
            (bronze / name).parent.mkdir(parents=True)
            (bronze / name).write_bytes(content)
        lake = load_settings(lake=Path(folder))
        report = run(OIL, lake)
        assert (report.failed_files, report.failed_tests) == ([], [])
        assert {client: done.published for client, done in report.clients.items()} == {"cda": True, "emin": True}
        with duckdb.connect(lake.warehouse, read_only=True) as warehouse:
            warehouse.create_function("normal_form", normal_form, ["VARCHAR"], "VARCHAR")
            assert warehouse.execute("select count(*) from silver.samples").fetchone() > (100,)
            assert warehouse.execute(LOST_ROWS).fetchall() == []
            assert warehouse.execute(LOST_RESULTS).fetchall() == []
            assert warehouse.execute(MISREAD).fetchall() == []
            for field in ("machineHours", "componentHours", "oilMeter", "labDate", "reportDate"):
                found = LOST_FIELDS.format(field=field).replace(f"select {field}", f"select fields.{field}")
                assert warehouse.execute(found).fetchall() == []


def found_texts(count: int, batch: int) -> list[str]:
    """Texts of every kind that Hypothesis finds, the same for a batch each time."""
    found: list[str] = []

    @seed(batch)
    @settings(max_examples=count, phases=[Phase.generate], database=None)
    @given(TEXTS)
    def collect(text: str) -> None:
        found.append(text)

    collect()
    return list(dict.fromkeys(found))


@pytest.mark.slow
def test_any_text_in_any_cell_fails_that_cell_only():
    """About 2 000 rows."""
    check_any_cell([*found_texts(28, batch=0), *KNOWN[::5]])


@pytest.mark.slow
@pytest.mark.parametrize("batch", drawn(range(1, 11)))
def test_many_texts_in_any_cell_fail_that_cell_only(batch):
    """About 20 000 rows in ten runs; each known text is in two of them."""
    check_any_cell([*found_texts(28, batch), *KNOWN[batch % 5 :: 5]])
