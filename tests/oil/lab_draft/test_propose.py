"""The draft of a laboratory: what it finds in layouts that are not declared."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.lab_files import Rows, page, workbook

from tribolake.errors import BronzeFileUnreadable
from tribolake.oil.lab_draft import draft_lab, known_names
from tribolake.oil.lab_draft.grid import Cell, Grid, read_grids
from tribolake.oil.lab_draft.names import KnownNames
from tribolake.oil.lab_draft.propose import LabDraft, propose
from tribolake.oil.seeds import read_seed
from tribolake.settings import load_settings

NAMES = known_names()


def draft_of(grids: Sequence[Grid]) -> LabDraft:
    return propose(grids, NAMES, client="new", client_code="NEW", laboratory="new", time_zone="America/Santiago")


def draft_file(content: bytes, folder: Path, name: str = "delivery") -> LabDraft:
    file = folder / name
    file.write_bytes(content)
    return draft_of(read_grids(file, load_settings()))


def fields_of(draft: LabDraft) -> dict[str, str]:
    return {row["header"]: row["field"] for row in draft.rows.get("lab_fields", [])}


def essays_of(draft: LabDraft) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["essay"], row["unit"]) for row in draft.rows.get("lab_essays", [])}


def test_spanish_csv_with_decimal_commas_is_understood(tmp_path: Path) -> None:
    headers = "N° Muestra;F. Muestreo;Equipo;Compartimiento;Horómetro;Horas Aceite;Hierro (ppm);Visc. a 100 °C;Turno"
    rows = "C1;25/01/2026;CA-1;Motor;12.345;250;12,5;14,25;A\r\nC2;26/01/2026;CA-1;Motor;12.600;505;<1;14,5;B\r\n"
    draft = draft_file(f"Informe\r\n{headers}\r\n{rows}".encode("latin-1"), tmp_path)
    assert fields_of(draft) == {
        "N° Muestra": "sampleNumber",
        "F. Muestreo": "sampleDate",
        "Equipo": "unitId",
        "Compartimiento": "componentName",
        "Horómetro": "machineHours",
        "Horas Aceite": "oilMeter",
    }
    assert essays_of(draft) == {"Hierro (ppm)": ("Hierro", ""), "Visc. a 100 °C": ("Viscosidad 100°C", "")}
    (laboratory,) = draft.rows["laboratories"]
    assert (laboratory["layout"], laboratory["decimal_mark"], laboratory["day_first"]) == ("wide", ",", "true")
    assert [(place.what, place.name, list(place.examples)) for place in draft.unplaced] == [
        ("column", "Turno", ["A", "B"])
    ]


def test_month_first_and_units_in_a_row_are_found(tmp_path: Path) -> None:
    headers = ["Lab Number", "Date Sampled", "Asset ID", "Component", "Fe", "Water", "Soot"]
    rows = [headers, ["", "", "", "", "mg/kg", "ppm", "A/cm"], ["A1", "01/25/2026", "D1", "Engine", "12.5", "450", "3"]]
    draft = draft_file(workbook(rows, "Results"), tmp_path)
    assert draft.rows["laboratories"][0]["day_first"] == "false"
    assert essays_of(draft) == {"Fe": ("Hierro", "mg/kg"), "Water": ("Agua", "ppm"), "Soot": ("Hollín", "A/cm")}


@pytest.mark.parametrize(
    ("header", "essay", "unit"),
    [
        ("Partículas > 4 µm /ml", "Partículas 4µ", ""),
        ("Partículas >6µm(c)", "Partículas 6µ", ""),
        ("Visc 40ºC (cSt)", "Viscosidad 40°C", ""),
        ("Visc 40ºC (SUS)", "Viscosidad 40°C", "SUS"),
        ("Nitración A/0.1mm", "Nitración", "A/0.1mm"),
        ("Agua [ppm]", "Agua", "ppm"),
    ],
)
def test_unit_in_a_header_is_that_of_the_results(header: str, essay: str, unit: str, tmp_path: Path) -> None:
    draft = draft_file(f"Muestra;Fecha;Equipo;Componente;{header}\nA1;15/01/2026;CA-1;Motor;12\n".encode(), tmp_path)
    assert essays_of(draft) == {header: (essay, unit)}


@pytest.mark.parametrize(
    "header",
    ["Fe (anterior)", "Fe (limit)", "Fe (ferrografía)", "Fe 2", "Fe (2)", "Fe [1]", "Fe (ppm/h)", "Alumunium (prev)"],
)
def test_essay_with_another_word_is_not_that_essay(header: str) -> None:
    assert [meaning for meaning in NAMES.meanings(header) if meaning.kind == "essay"] == []


@pytest.mark.parametrize(
    ("header", "essay"),
    [
        ("Fe (ICP)", "Hierro"), ("Fe ASTM D5185", "Hierro"), ("Iron (Fe)", "Hierro"), ("Eisen", "Hierro"),
        ("Teneur en eau (ppm)", "Agua"), ("Viskosität bei 40 °C", "Viscosidad 40°C"), ("Fe (PQ)", "Índice PQ"),
    ],
)  # fmt: skip
def test_essay_is_known_by_method_symbol_and_language(header: str, essay: str) -> None:
    assert NAMES.meanings(header)[0].name == essay


def test_unit_above_the_table_becomes_a_context_field(tmp_path: Path) -> None:
    rows: Rows = [
        ["Oil report"],
        ["Unit", "GR-07", "Compartment: ENGINE"],
        [],
        ["Sample No", "Sample Date", "Fe", "VIS-100"],
        ["T1", "2026-01-05", 12.5, 14.2],
    ]
    draft = draft_file(workbook(rows, "Sheet1"), tmp_path)
    assert {(row["field"], row["label"]) for row in draft.rows["lab_context_fields"]} == {
        ("unitId", "Unit"),
        ("componentName", "Compartment"),
    }
    assert draft.unplaced == []


def test_web_page_is_drafted_like_a_workbook(tmp_path: Path) -> None:
    rows = [
        ["Sample ID", "Sampling Date", "Unit No", "Component", "Iron (Fe)"],
        ["P1", "2026-01-05", "T-1", "Motor", "40"],
    ]
    assert essays_of(draft_file(page(rows), tmp_path, "portal.xls")) == {"Iron (Fe)": ("Hierro", "")}


def test_result_a_row_is_the_layout_long(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    names = ["Fe", "Copper", "Visc @ 100C", "Made up"]
    table = {
        "sample_id": ["L1"] * 4, "unit": ["LD-1"] * 4, "component": ["MOTOR"] * 4, "date": ["2026-01-05"] * 4,
        "analyte": names, "result": ["45", "7", "14.2", "1"], "uom": ["ppm", "ppm", "cSt", "ppm"],
    }  # fmt: skip
    pq.write_table(pa.table(table), buffer)
    draft = draft_file(buffer.getvalue(), tmp_path)
    assert draft.layout == "long"
    assert fields_of(draft)["uom"] == "essayUnit"
    assert fields_of(draft)["unit"] == "unitId"
    assert list(essays_of(draft)) == ["Fe", "Copper", "Visc @ 100C"]
    assert [(place.what, place.name) for place in draft.unplaced] == [("essay", "Made up")]


def test_pairs_of_columns_are_the_layout_pairs(tmp_path: Path) -> None:
    rows = [
        [
            "Sample ID",
            "Sample Date",
            "Unit ID",
            "Component",
            "test_1_name",
            "test_1_value",
            "test_2_name",
            "test_2_value",
        ],
        ["A1", "2026-01-05", "T-1", "Motor", "Iron", "40", "Copper", "3"],
        ["A2", "2026-01-06", "T-1", "Motor", "Iron", "41", "Lead", "2"],
    ]
    draft = draft_file(workbook(rows, "Data"), tmp_path)
    (laboratory,) = draft.rows["laboratories"]
    assert draft.layout == "pairs"
    assert laboratory["pair_name_pattern"] == r"^test_(\d+)_name$"
    assert laboratory["pair_value_pattern"] == r"^test_(\d+)_value$"
    assert set(essays_of(draft)) == {"Iron", "Copper", "Lead"}


def test_file_without_known_headers_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.csv"
    file.write_text("a;b\n1;2\n", encoding="utf-8")
    names = {"client": "new", "client_code": "NEW", "laboratory": "new", "time_zone": "America/Santiago"}
    with pytest.raises(BronzeFileUnreadable, match="known_headers"):
        draft_lab(file, load_settings(), **names)


def test_similar_particle_sizes_are_not_mixed_up() -> None:
    for size in (4, 6, 14, 38):
        assert NAMES.meanings(f"Particles > {size} micron")[0].name == f"Partículas {size}µ"


HEADERS = st.sampled_from(["Fe", "Sample No", "Date", "Unit", "Component", "Oil Hrs", "Turno", "=1", "\x1b[2J", "12,5"])


@given(st.lists(HEADERS, min_size=1, max_size=8), st.integers(1, 4))
def test_every_filled_column_is_placed_or_listed(headers: list[str], samples: int) -> None:
    rows = {0: headers} | {number: ["2026-01-05"] * len(headers) for number in range(1, samples + 1)}
    draft = draft_of(
        [Grid("S", {at: {f"column {n}": Cell(text, "t") for n, text in enumerate(row)} for at, row in rows.items()})]
    )
    listed = [place.name for place in draft.unplaced if place.what in ("column", "sheet")]
    placed = [*fields_of(draft), *essays_of(draft)]
    assert listed == ["S"] or sorted({*placed, *listed}) == sorted(set(headers))


@pytest.mark.parametrize("text", ["", " ", "(", "[]", "(((a)))", "µ", "100", "\u202e", "a" * 10_000])
def test_any_header_has_a_list_of_meanings(text: str) -> None:
    assert isinstance(NAMES.meanings(text), list)


def test_numbers_with_thousands_in_quotes_keep_their_columns(tmp_path: Path) -> None:
    lines = ["Lab Number,Unit ID,Compartment,Sample Date,Equip. Hrs,Lube Hrs,Iron", ",,,,hr,hr,ppm"]
    lines += [f'U-{number},HT1,Engine,1/{number}/2026,"1{number},000",{number},{number}' for number in range(10, 28)]
    draft = draft_file("\n".join(lines).encode(), tmp_path)
    assert fields_of(draft) | {"Equip. Hrs": "machineHours", "Lube Hrs": "oilMeter"} == fields_of(draft)
    assert essays_of(draft) == {"Iron": ("Hierro", "")}
    assert not draft.unplaced


def test_column_of_units_is_not_a_machine(tmp_path: Path) -> None:
    lines = ["Muestra;Activo;Componente;Fecha;Parámetro;Resultado;Unidad"]
    lines += [f"M1;Pala 3;Motor;2026-01-12;{essay};12;ppm" for essay in ("Hierro", "Cobre", "Plomo", "Cromo")]
    fields = fields_of(draft_file("\n".join(lines).encode(), tmp_path))
    assert (fields["Unidad"], fields["Activo"]) == ("essayUnit", "unitId")


WORDS: dict[str, list[str]] = {}
for row in read_seed("header_words"):
    WORDS.setdefault(row["stands_for"], []).append(row["word"])
FIELD_HEADERS = [row for row in read_seed("known_headers") if row["kind"] == "field" and row["header"].isascii()]


@given(st.data(), st.sampled_from(FIELD_HEADERS))
def test_header_in_other_words_of_one_meaning_is_understood(data: st.DataObject, known: dict[str, str]) -> None:
    spoken = []
    for word in known["header"].lower().split():
        common = next((meant for meant, words in WORDS.items() if word in words), word)
        spoken.append(data.draw(st.sampled_from([word, *WORDS.get(common, [])] if common else [word])))
    header = " ".join(data.draw(st.permutations(spoken)))
    assert known["means"] in {meaning.name for meaning in NAMES.meanings(header)}, header


@pytest.mark.parametrize(
    ("header", "means"),
    [("Horóm. Equipo", "machineHours"), ("Horas Lub.", "oilMeter"), ("Fec.Recepc.", "labDate"), ("Com.", None)],
)
def test_abbreviation_stands_for_the_one_word_that_begins_so(header: str, means: str | None) -> None:
    assert next((meaning.name for meaning in NAMES.meanings(header)), None) == means


def test_header_of_another_laboratory_keeps_its_unit() -> None:
    essays = [row for row in read_seed("essays") if row["essay"] == "Agua"]
    names = KnownNames(
        [], read_seed("header_words"), [], [{"name": "Water (ppm)", "essay": "Agua"}], essays, ["%", "ppm", "ppm."]
    )
    assert [(meaning.name, meaning.unit) for meaning in names.meanings("Agua (ppm)")] == [("Agua", "ppm")]
