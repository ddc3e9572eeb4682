"""Test sample files: layouts of the laboratories, dirty cells, and known truth."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from tribolake.oil.synth import SampleLake, write_sample_lake
from tribolake.oil.synth.particles import iso_code

END = date(2026, 1, 31)
Row = tuple[Any, ...]
Sample = dict[str, Any]
SMALL: dict[str, Any] = {"finning_units": 1, "als_units": 3, "months": 6}
NUMBER, SAMPLED, REPORTED = "No. de control de laboratorio", "Fecha de Toma de Muestra", "Fecha de laboratorio"
PLACE, ALS_SAMPLED = "Compartimento", "collectionData_dateSampled"

ACTED = {"Acción requerida", "Se requiere acción urgente"}
VERDICTS = ACTED | {"No se requiere acción", "Monitorear Compartimento", "Sin comentarios"}
DIRTY_TEXT = {"-5", "5-10", "1e-3", "1.234,5", "12,5", "<1", ">100", "-"}
VISIBLE_CODES = {"S-M", "G-M1", "G-NM1", "G-NM2", "P-NM1", "H2O"}


def sheet(path: Path, name: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python(skip_empty_area=False)


def workbooks(lake: SampleLake) -> list[Path]:
    return [path for path in lake.files if path.suffix == ".xlsx"]


def oil_samples(lake: SampleLake) -> list[Sample]:
    """Read one dict per sample. Of a repeated header the first occurrence counts."""
    samples = []
    for path in workbooks(lake):
        header, _, *rows = sheet(path, "OIL")
        samples += [dict(zip(reversed(header), reversed(row), strict=True)) for row in rows]
    return samples


def als_table(lake: SampleLake) -> pa.Table:
    return pq.read_table(next(path for path in lake.files if path.suffix == ".parquet"))


def als_results(row: Sample) -> Sample:
    names = [row[f"testResults_{n}_test_translation_name"] for n in range(33)]
    values = [row[f"testResults_{n}_resultValue"] for n in range(33)]
    return {name: value for name, value in zip(names, values, strict=True) if name is not None}


@pytest.fixture(scope="module")
def dirty_lake(tmp_path_factory: pytest.TempPathFactory) -> SampleLake:
    return write_sample_lake(tmp_path_factory.mktemp("dirty"), finning_units=4, als_units=15, months=18)


@pytest.fixture(scope="module")
def clean_lake(tmp_path_factory: pytest.TempPathFactory) -> SampleLake:
    folder = tmp_path_factory.mktemp("clean")
    return write_sample_lake(folder, finning_units=4, als_units=15, months=18, dirty=False)


@pytest.fixture(scope="module")
def samples(dirty_lake: SampleLake) -> list[Sample]:
    return oil_samples(dirty_lake)


@pytest.fixture(scope="module")
def clean_samples(clean_lake: SampleLake) -> list[Sample]:
    return oil_samples(clean_lake)


@pytest.fixture(scope="module")
def clean_als(clean_lake: SampleLake) -> list[Sample]:
    return als_table(clean_lake).to_pylist()


@pytest.fixture(scope="module")
def truth(dirty_lake: SampleLake) -> list[Sample]:
    return pq.read_table(dirty_lake.truth).to_pylist()


@pytest.fixture(scope="module")
def affected(truth: list[Sample], samples: list[Sample]) -> dict[str, list[Sample]]:
    """Finning's samples by the kind of their episode."""
    by_number = {sample[NUMBER]: sample for sample in samples}
    found: dict[str, list[Sample]] = defaultdict(list)
    for row in truth:
        if row["client"] == "cda":
            found[row["episode_kind"]].append(by_number[row["sample_number"]])
    return found


class TestReproducible:
    def test_same_arguments_write_same_bytes(self, tmp_path):
        one = write_sample_lake(tmp_path / "one", **SMALL)
        two = write_sample_lake(tmp_path / "two", **SMALL)
        for first, second in zip((*one.files, one.truth), (*two.files, two.truth), strict=True):
            assert first.relative_to(tmp_path / "one") == second.relative_to(tmp_path / "two")
            assert first.read_bytes() == second.read_bytes()

    def test_other_seed_writes_other_values(self, tmp_path):
        one = write_sample_lake(tmp_path / "one", seed=1, **SMALL)
        two = write_sample_lake(tmp_path / "two", seed=2, **SMALL)
        assert sheet(one.files[0], "OIL")[2:] != sheet(two.files[0], "OIL")[2:]

    def test_client_written_alone_has_the_same_files(self, tmp_path):
        both = write_sample_lake(tmp_path / "both", **SMALL)
        alone = write_sample_lake(tmp_path / "alone", clients=["emin"], **SMALL)
        assert alone.samples == {"emin": both.samples["emin"]}
        assert als_table(alone).equals(als_table(both))

    def test_callback_sees_each_complete_file_in_order(self, tmp_path):
        seen: list[tuple[Path, int]] = []
        lake = write_sample_lake(tmp_path, on_file=lambda path: seen.append((path, path.stat().st_size)), **SMALL)
        assert [path for path, _ in seen] == list(lake.files)
        assert all(size == path.stat().st_size for path, size in seen)


class TestFinningLayout:
    @pytest.mark.parametrize(("name", "width"), [("OIL", 294), ("COOLANT", 133)])
    def test_workbook_has_wide_header_and_blank_second_row(self, dirty_lake, name, width):
        for path in workbooks(dirty_lake):
            rows = sheet(path, name)
            assert {len(row) for row in rows} == {width}
            assert all(rows[0])
            assert set(rows[1]) == {""}
            assert len(rows) > 3

    def test_repeated_headers_have_the_same_value(self, dirty_lake):
        header, _, *rows = sheet(workbooks(dirty_lake)[0], "OIL")
        repeated = {name for name, count in Counter(header).items() if count > 1} - {"Estado"}
        assert {"Fe", "Si", "Cu", "Na", "Ca"} <= repeated
        for name in repeated:
            places = [i for i, other in enumerate(header) if other == name]
            assert all(len({row[i] for i in places}) == 1 for row in rows)

    def test_first_estado_is_the_verdict_and_second_is_nuevo(self, dirty_lake):
        header, _, *rows = sheet(workbooks(dirty_lake)[0], "OIL")
        first, second = (i for i, name in enumerate(header) if name == "Estado")
        assert {row[first] for row in rows} <= VERDICTS
        assert {row[second] for row in rows} == {"Nuevo"}

    def test_oil_sample_has_cells_of_laboratory_types(self, clean_samples):
        for sample in clean_samples:
            assert type(sample[SAMPLED]) is date
            assert type(sample[REPORTED]) is date
            assert type(sample["Distribution Date"]) is datetime
            assert isinstance(sample["Horas"], float)
            assert isinstance(sample["Fe"], str)
            assert sample["Sample Activity"] == "None"
            assert re.fullmatch(r"\d{2}\.\d{2}|\d\.\d{3}|", sample["V100"])
            assert sample["Interpretacion"].endswith("/")
        assert {60.0, 30.0, "10W", "15W-40"} <= {sample["Fluid Weight"] for sample in clean_samples}

    def test_samples_precede_their_reports_and_the_end(self, clean_samples):
        for sample in clean_samples:
            assert date(2024, 8, 1) <= sample[SAMPLED] <= END
            assert sample[SAMPLED] < sample[REPORTED]
        assert max(sample[SAMPLED] for sample in clean_samples) > date(2026, 1, 1)

    def test_sample_numbers_are_unique_across_workbooks(self, clean_samples):
        numbers = [sample[NUMBER] for sample in clean_samples]
        assert len(set(numbers)) == len(numbers)


class TestFinningEssays:
    def test_engine_essays_are_measured_for_engines_only(self, clean_samples):
        for essay in ("ST", "OXI", "NIT", "SUL", "F", "TBN"):
            assert {s[PLACE] for s in clean_samples if s[essay]} == {"MOTOR"}

    def test_iso_code_follows_counts_that_fall_with_size(self, clean_samples):
        counted = [s for s in clean_samples if s["4µ"]]
        assert counted
        for sample in counted:
            codes = [str(int(iso_code(float(sample[f"{size}µ"])))) for size in (4, 6, 14)]
            assert sample["ISO"] == "/".join(codes)
            counts = [int(sample[f"{n}µ"]) for n in (4, 6, 10, 14, 18, 21, 38, 50, 70) if sample[f"{n}µ"]]
            assert counts == sorted(counts, reverse=True)

    def test_iso_code_without_count_is_visible_code_or_empty(self, clean_samples):
        uncounted = {s["ISO"] for s in clean_samples if not s["4µ"]}
        assert uncounted <= VISIBLE_CODES | {""}
        assert {"S-M", "G-NM1", "H2O"} <= uncounted
        assert {s["ISO"] for s in clean_samples if s[PLACE] == "MOTOR"} == {""}

    def test_iron_grows_with_oil_hours_on_average(self, clean_samples):
        drives = [s for s in clean_samples if s[PLACE].startswith("MANDO FINAL") and s["Meter on Fluid"] and s["Fe"]]
        iron = {old: [int(s["Fe"]) for s in drives if (s["Meter on Fluid"] > 1500) is old] for old in (True, False)}
        assert sum(iron[True]) / len(iron[True]) > 1.3 * sum(iron[False]) / len(iron[False])

    @pytest.mark.parametrize(("per_ml", "code"), [(0.01, 0), (5000, 19), (5100, 20), (20000, 21), (3e6, 29)])
    def test_iso_bound_belongs_to_its_own_code(self, per_ml, code):
        assert iso_code(per_ml) == code


class TestVerdicts:
    def test_verdicts_have_the_shares_of_the_laboratory(self, tmp_path):
        lake = write_sample_lake(tmp_path, finning_units=7, clients=["cda"])
        verdicts = Counter(sample["Estado"] for sample in oil_samples(lake))
        total = sum(verdicts.values())
        action = sum(verdicts[verdict] for verdict in ACTED)
        assert 0.035 <= action / total <= 0.06
        assert 0.38 <= verdicts["Monitorear Compartimento"] / total <= 0.52
        assert set(verdicts) == VERDICTS

    def test_verdict_of_action_always_has_an_episode(self, clean_lake, clean_samples):
        numbers = {s[NUMBER] for s in clean_samples if s["Estado"] in ACTED}
        assert numbers
        assert numbers <= set(pq.read_table(clean_lake.truth)["sample_number"].to_pylist())


class TestAlsLayout:
    def test_als_table_has_the_raw_columns_and_types(self, dirty_lake):
        table = als_table(dirty_lake)
        assert table.num_columns == 81
        assert table.num_rows == dirty_lake.samples["emin"]
        types = {field.name: field.type for field in table.schema}
        assert types["id"] == pa.int64()
        assert types["externalCode"] == pa.null()
        assert types["collectionData_fluidTime"] == pa.float64()
        assert types["testResults_32_resultValue"] == pa.large_string()

    def test_als_sample_names_each_essay_once_in_random_order(self, clean_als):
        first_names = set()
        for row in clean_als:
            names = [row[f"testResults_{n}_test_translation_name"] for n in range(33)]
            asked = [name for name in names if name is not None]
            assert len(asked) == len(set(asked)) >= 18
            assert names[len(asked) :] == [None] * (33 - len(asked))
            first_names.add(asked[0])
        assert len(first_names) > 10

    def test_als_values_are_text_with_decimal_commas(self, clean_als):
        values = [v for row in clean_als for v in als_results(row).values()]
        allowed = re.compile(r"\d+(,\d+)?|[<>]0,05|-|(\d+|>28)(/(\d+|>28)){2}")
        assert {"<0,05", ">0,05", "-", None} <= set(values)
        assert all(value is None or allowed.fullmatch(value) for value in values)

    def test_als_essays_fit_the_fluid_of_the_compartment(self, clean_als):
        for row in clean_als:
            asked = set(als_results(row))
            is_coolant = "REFRIG" in row["compartment_name"]
            assert ("Glicol" in asked) is is_coolant
            assert ("Viscosidad 100°C" in asked) is not is_coolant
            assert ("Hollín" in asked) is (row["compartment_name"] == "MOTOR")

    def test_als_dates_are_partly_missing_or_future_and_hours_vary(self, clean_lake):
        dates = als_table(clean_lake)[ALS_SAMPLED].to_pylist()
        assert None in dates
        assert "2035-01-01T00:00:00.000Z" in dates
        hours = {text[10:] for text in dates if text is not None}
        assert hours == {"T00:00:00.000Z", "T03:00:00.000Z", "T04:00:00.000Z"}

    def test_als_tags_and_spellings_vary(self, clean_lake):
        table = als_table(clean_lake)
        tags = set(table["equipment_tag"].to_pylist())
        assert len([tag for tag in tags if tag != tag.upper()]) == 1
        assert {"TRANSMISIÓN", "TRANSMISION"} <= set(table["compartment_name"].to_pylist())
        numbers = table["sampleNumber"].to_pylist()
        assert len(set(numbers)) == len(numbers)


class TestTruth:
    KINDS = frozenset({"wear", "dust", "water", "fuel", "coolant", "swapped_samples", "undeclared_oil_change"})

    def test_every_kind_of_episode_happens_to_every_client(self, truth):
        for client in ("cda", "emin"):
            assert {row["episode_kind"] for row in truth if row["client"] == client} == self.KINDS
        keys = [(row["client"], row["sample_number"]) for row in truth]
        assert len(set(keys)) == len(keys)

    def test_truth_rows_are_in_the_files_once(self, dirty_lake, samples, truth):
        in_files: Counter[Row] = Counter(
            ("cda", sample[NUMBER], sample["ID de equipo"], sample[PLACE], str(sample[SAMPLED])) for sample in samples
        )
        for row in als_table(dirty_lake).to_pylist():
            key = (row["sampleNumber"], row["equipment_tag"], row["compartment_name"])
            in_files["emin", *key, (row[ALS_SAMPLED] or "")[:10]] += 1
        for row in truth:
            key = (row["client"], row["sample_number"], row["unit"], row["component"])
            assert in_files[*key, str(row["sample_date"])] == 1

    def test_strong_water_and_fuel_are_found_by_the_laboratory(self, affected):
        assert {sample["W"] for sample in affected["water"]} <= {"P", "E"}
        assert {sample["F"] for sample in affected["fuel"]} == {"P"}

    def test_swapped_sample_has_viscosity_of_the_other_oil(self, affected):
        for sample in affected["swapped_samples"]:
            looks_like_engine_oil = 12.5 < float(sample["V100"]) < 16
            assert looks_like_engine_oil is (sample[PLACE] != "MOTOR")


class TestDirt:
    def test_dirty_files_have_every_malformed_cell(self, dirty_lake, samples):
        finning = {value for sample in samples for value in sample.values()}
        assert finning >= DIRTY_TEXT
        als = {value for row in als_table(dirty_lake).to_pylist() for value in als_results(row).values()}
        assert als >= DIRTY_TEXT

    def test_dirty_files_have_dates_as_text_and_excel_serials(self, dirty_lake, samples):
        dates = [sample[SAMPLED] for sample in samples]
        assert {type(cell) for cell in dates} == {date, str, float}
        als = [text for text in als_table(dirty_lake)[ALS_SAMPLED].to_pylist() if text]
        for texts in ([cell for cell in dates if isinstance(cell, str)], als):
            assert any(re.fullmatch(r"\d\d/\d\d/\d{4}", text) for text in texts)
        assert any(re.fullmatch(r"4\d{4}", text) for text in als)

    def test_dirty_files_have_one_retest_per_client(self, dirty_lake, samples):
        numbers = Counter(sample[NUMBER] for sample in samples)
        (retested,) = (number for number, count in numbers.items() if count == 2)
        twice = [s for s in samples if s[NUMBER] == retested]
        assert len({s[REPORTED] for s in twice}) == 2
        table = als_table(dirty_lake)
        assert sorted(Counter(table["sampleNumber"].to_pylist()).values())[-2:] == [1, 2]
        assert len(set(table["id"].to_pylist())) == table.num_rows

    def test_clean_files_differ_in_spoiled_cells_only(self, dirty_lake, clean_als):
        dirty = {row["id"]: row for row in als_table(dirty_lake).to_pylist()}
        differences = [name for row in clean_als for name, cell in row.items() if cell != dirty[row["id"]][name]]
        assert 0 < len(differences) < 0.03 * len(dirty)
        assert {name for name in differences if not name.endswith("resultValue")} == {ALS_SAMPLED}


class TestSmallAndWrongArguments:
    def test_one_unit_and_one_month_give_complete_files(self, tmp_path):
        lake = write_sample_lake(tmp_path, finning_units=1, als_units=1, months=1)
        assert len(sheet(lake.files[0], "OIL")) == lake.samples["cda"] + 2
        assert als_table(lake).num_rows == lake.samples["emin"]

    @pytest.mark.parametrize(
        "arguments",
        [
            *({"finning_units": 0}, {"als_units": -1}, {"months": 0}, {"seed": -1}),
            *({"clients": wrong} for wrong in (["other"], [], "cda", ["cda", "cda"])),
        ],
    )
    def test_wrong_argument_is_named_and_nothing_is_written(self, tmp_path, arguments):
        (name,) = arguments
        with pytest.raises(ValueError, match=name):
            write_sample_lake(tmp_path, **arguments)
        assert not list(tmp_path.iterdir())
