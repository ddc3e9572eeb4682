"""What makes two rows one sample, and two names one unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support.lab_files import finning

from tribolake.oil.product import OIL
from tribolake.readers.names import plain_spelling
from tribolake.run.compiled_models import compiled_project
from tribolake.run.pipeline import run
from tribolake.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("parsed_project")
NUMBER, UNIT, DAY, COMPONENT = (
    "No. de control de laboratorio",
    "ID de equipo",
    "Fecha de Toma de Muestra",
    "Compartimento",
)


def deliver(settings: Settings, name: str, content: bytes) -> None:
    path = settings.lake / "oil-analysis" / "bronze" / "cda" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(settings.warehouse, read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()


@pytest.fixture(scope="module")
def lake(parsed_project: None, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One workbook with numbers that were given twice, units in several spellings, and numbers that lost digits."""
    settings = load_settings(lake=tmp_path_factory.mktemp("identity"))
    deliver(settings, "2026-01-11/a.xlsx", finning(
        {NUMBER: "R-1", UNIT: "T-71", DAY: "2025-06-03", "Fe": 310},
        {NUMBER: "R-1", UNIT: "T-71", DAY: "2025-07-12", "Fe": 12},
        {NUMBER: "R-2", UNIT: "T-72"},
        {NUMBER: "R-2", UNIT: "T-73", COMPONENT: "DIFERENCIAL"},
        {NUMBER: "R-3", UNIT: "T-74", DAY: "2026-01-01", "Fe": 1},
        {NUMBER: "R-3", UNIT: "T-74", DAY: "2026-01-08", "Fe": 2},
        {NUMBER: "s–1", UNIT: "\N{CYRILLIC CAPITAL LETTER TE}-80", DAY: "2026-01-01"},
        {NUMBER: "S-1", UNIT: " t\N{NON-BREAKING HYPHEN}80", DAY: "2026-01-02", "Fe": 20},
        {NUMBER: "S-2", UNIT: "Ｔ_８０", DAY: "2025-12-01"},
        {NUMBER: "2.6165E+10", UNIT: "T-90"},
        {NUMBER: "2,6165e10", UNIT: "T-90"},
        {NUMBER: 26165146253000123.0, UNIT: "T-90"},
        {NUMBER: "012", UNIT: "T-91"},
        {NUMBER: 12, UNIT: "T-91"},
    ))  # fmt: skip
    run(OIL, settings)
    return settings


def test_number_given_to_two_samples_keeps_both(lake):
    found = query(
        lake,
        "select sampleNumber, unitId, componentName, cast(sampleDate as varchar), Hierro, sampleOccurrence <> ''"
        " from gold.classified_reports where sampleNumber like 'R-%' order by all",
    )
    assert found == [
        ("R-1", "T_71", "motor", "2025-06-03", 310, True),
        ("R-1", "T_71", "motor", "2025-07-12", 12, True),
        ("R-2", "T_72", "motor", "2026-01-05", 11, True),
        ("R-2", "T_73", "diferencial", "2026-01-05", 11, True),
        ("R-3", "T_74", "motor", "2026-01-08", 2, False),  # a week apart: a corrected date
    ]


def test_collisions_and_doubles_are_listed(lake):
    assert query(lake, "select sampleNumber, reason, row_number from silver.doubtful_samples order by all") == [
        ("012", "suspected_double", 14), ("12", "suspected_double", 15),
        *(("R-1", "sample_number_reused", row) for row in (2, 3)),
        *(("R-2", "sample_number_reused", row) for row in (4, 5)),
        ("R-3", "repeated_in_file", 7), ("S-1", "repeated_in_file", 9),
    ]  # fmt: skip


def test_unit_has_the_spelling_of_its_newest_sample(lake):
    assert query(
        lake, "select sampleNumber, unitId, Hierro from gold.classified_reports where unitId ilike 't_80' order by all"
    ) == [("S-1", "t_80", 20), ("S-2", "t_80", 11)]
    assert query(lake, "select count(*) from gold.machine_status_current where unit_id ilike 't_80'") == [(1,)]


def test_rounded_sample_number_is_refused(lake):
    found = query(lake, "select reason from silver.rejected_rows order by row_number")
    assert [reason.partition(":")[0] for (reason,) in found] == ["number_lost_digits"] * 3


def test_previous_sample_of_a_shared_number_is_found_by_its_row(lake):
    assert query(
        lake,
        "select previousSampleNumber, cast(previousSampleDate as varchar) from gold.classified_reports"
        " where sampleNumber = 'R-1' order by sampleDate",
    ) == [(None, None), ("R-1", "2025-06-03")]


@pytest.mark.slow
def test_reference_policy_keeps_one_sample_of_a_number(lake, tmp_path):
    settings = load_settings(lake=tmp_path)
    source = lake.lake / "oil-analysis" / "bronze" / "cda" / "2026-01-11" / "a.xlsx"
    deliver(settings, "2026-01-11/a.xlsx", source.read_bytes())
    run(OIL, settings, policy="reference")
    assert query(
        settings,
        "select sampleNumber, list(unitId order by unitId), any_value(sampleOccurrence) from silver.samples"
        " where sampleNumber in ('R-1', 'R-2', 'S-1', 's–1') group by 1 order by 1",
    ) == [("R-1", ["T_71"], ""), ("R-2", ["T_73"], ""), ("S-1", ["t\N{NON-BREAKING HYPHEN}80"], ""),
          ("s–1", ["\N{CYRILLIC CAPITAL LETTER TE}_80"], "")]  # fmt: skip


@pytest.mark.slow
def test_number_that_becomes_shared_is_removed_and_added(tmp_path):
    settings = load_settings(lake=tmp_path)
    deliver(settings, "2026-01-11/a.xlsx", finning({NUMBER: "R-1", UNIT: "T-71"}, {NUMBER: "R-9", UNIT: "T-71"}))
    run(OIL, settings)
    deliver(settings, "2026-01-12/b.xlsx", finning({NUMBER: "R-1", UNIT: "T-72"}))
    report = run(OIL, settings)
    assert not report.failed_tests
    (delta,) = (settings.lake / "oil-analysis" / "silver" / "_delta").glob("CDA_*.parquet")
    assert duckdb.execute(
        "select sampleNumber, unitId, sampleOccurrence <> '', change from read_parquet($1)"
        " where run_id = $2 order by all", [str(delta), report.run_id]
    ).fetchall() == [
        ("R-1", "T_71", False, "removed"), ("R-1", "T_71", True, "added"), ("R-1", "T_72", True, "added"),
    ]  # fmt: skip
    assert query(
        settings,
        "select unitId, sampleOccurrence <> '', dbt_valid_to is null from history.report_status_history"
        " where sampleNumber = 'R-1' order by all",
    ) == [("T_71", False, False), ("T_71", True, True), ("T_72", True, True)]
    assert query(
        settings,
        f"select added, removed from history.change_log where entity = 'samples' and run_id = '{report.run_id}'",
    ) == [(2, 1)]


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("T-09", "T-09"), (" T \N{EN DASH} 09\u200b", "T-09"), ("Т-09", "T-09"), ("T-1O5", "T-105"), ("T-O9", "T-O9"),
        ("2616514625O", "26165146250"), ("Ж-09", "Ж-09"), ("CAÑÓN  1", "CAÑÓN 1"), ("OO-1", "OO-1"), ("Ａ１", "A1"),
        ("4711.0", "4711"), ("4711,00", "4711"), ("12.000", "12.000"),
    ],
)  # fmt: skip
def test_plain_spelling_changes_only_what_is_certain(name, spelled):
    assert plain_spelling(name) == spelled


@given(st.text(max_size=12))
def test_plain_spelling_of_a_plain_spelling_is_itself(name):
    assert plain_spelling(plain_spelling(name)) == plain_spelling(name)


# The law of arrival order, for the models that decide what a sample is.
MODELS = ("touched_units", "int_units", "touched_samples", "int_sample_revisions", "touched_rows")
KEYS = {
    "int_units": ("touched_units", "client_code, unit_form"),
    "int_sample_revisions": ("touched_samples", "client_code, laboratory, sample_number_form"),
}
UNITS = ("T-1", "t-1", "T_1 ", "T-2")
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """SQL of the models."""
    settings = load_settings(lake=tmp_path_factory.mktemp("models"))
    return {model.name: model.code for model in compiled_project(OIL, settings).models if model.name in MODELS}


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Row]]:
    """Rows of files, in the order of their delivery. Some are written over by the next."""
    files = draw(st.lists(st.lists(sample_rows(), min_size=1, max_size=4), min_size=2, max_size=5))
    return [
        [row | {"file": at, "row_id": at * 10 + number, "row_number": number} for number, row in enumerate(rows)]
        for at, rows in enumerate(files)
    ]


def sample_rows() -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({
        "number": st.sampled_from(["A-1", "a-1", "B-2", "C-3", "D-4"]),
        "unit": st.sampled_from(UNITS),
        "family": st.sampled_from(["motor", "rueda"]),
        "day": st.integers(0, 30),
        "hours": st.one_of(st.none(), st.integers(1, 3)),
        "cells": st.integers(1, 3),
    })  # fmt: skip


class Warehouse:
    """The tables that the models read and make, for one policy."""

    def __init__(self, models: Mapping[str, str]) -> None:
        self.models = models
        self.connection = duckdb.connect()
        self.connection.execute("attach ':memory:' as warehouse; use warehouse")
        for schema in ("bronze", "silver", "changes", "policy", "seeds"):
            self.connection.execute(f"create schema {schema}")
        self.connection.execute("""
            create table policy.active_policy as select 7 as sample_apart_days, true as merges_reissues;
            create table seeds.laboratories as select 'finning' as laboratory, 'merge' as reissue;
            create table changes.int_contents (
                content_id int, file_key varchar, sha256 varchar, is_live boolean, delivered_on date,
                modified_at timestamp, first_arrived_at timestamp
            );
            create table changes.pending_contents (content_id int);
            create table silver.int_checked_rows (
                row_id bigint, data_row_ids bigint[], content_id int, client varchar, client_code varchar,
                laboratory varchar, sheet varchar, row_number int, declared_sheet varchar, sheet_fluid varchar,
                cells_hash int, sampleNumber varchar, sample_number_form varchar, sampleTimestamp timestamp,
                sampleDate date, labDate date, reportDate date, site varchar, unitId varchar, unit_form varchar,
                machineName varchar, is_machine_known boolean, machineModel varchar, machineBrand varchar,
                machineHours double, machineSerialNumber varchar, componentName varchar,
                componentNameNormalized varchar, componentHours double, componentSerialNumber varchar,
                oilMeter double, oilBrand varchar, oilType varchar, oilWeight varchar, oilChanged varchar,
                filterChanged varchar, labVerdict varchar, labComment varchar, rejection varchar, is_ahead boolean,
                rejection_field varchar, rejection_text varchar, sample_date_text varchar,
                kilometers varchar
            )
        """)

    def run(self, files: Sequence[list[Row]], gone: Sequence[bool], arrived: set[int], new: set[int]) -> None:
        """Read new files. A file that is `gone` is written over once all files have arrived."""
        is_all = len(arrived | new) == len(files)
        states = [(at, not (gone[at] and is_all)) for at in sorted(arrived | new)]
        before = dict(self.connection.execute("select content_id, is_live from changes.int_contents").fetchall())
        self.connection.execute("delete from changes.int_contents; delete from changes.pending_contents")
        for at, is_live in states:
            moment = datetime(2026, 1, 1) + timedelta(days=at)
            self.connection.execute(
                "insert into changes.int_contents values (?, ?, '', ?, ?, ?, ?)",
                [at, f"file {at}", is_live, moment.date(), moment, moment],
            )
            if before.get(at) != is_live:
                self.connection.execute("insert into changes.pending_contents values (?)", [at])
        for at in new:
            for row in files[at]:
                self.insert(at, row)
        for name in MODELS:
            self.make(name)

    def insert(self, content: int, row: Row) -> None:
        unit = plain_spelling(row["unit"]).replace("-", "_")
        day = date(2025, 1, 1) + timedelta(days=row["day"])
        self.connection.execute(
            "insert into silver.int_checked_rows by name select ? as row_id, ? as content_id, 'cda' as client,"
            " 'CDA' as client_code, 'finning' as laboratory, '' as sheet, ? as row_number, ? as cells_hash,"
            " ? as sampleNumber, ? as sample_number_form, ?::timestamp as sampleTimestamp, ?::date as sampleDate,"
            " ? as unitId, ? as unit_form, ? as componentName, ? as componentNameNormalized, ?::double as machineHours",
            [row["row_id"], content, row["row_number"], row["cells"], row["number"], row["number"].upper(), day, day,
             unit, unit.upper(), row["family"], row["family"], row["hours"]],
        )  # fmt: skip

    def make(self, name: str) -> None:
        schema = "changes" if name.startswith("touched") else "silver"
        table = f"{schema}.{name}"
        scope, key = KEYS.get(name, (None, None))
        if scope is None or not self.exists(name):
            self.connection.execute(f"create or replace table {table} as {self.models[name]}")
            return
        self.connection.execute(f"create temp table made as {self.models[name]}")
        self.connection.execute(f"delete from {table} where ({key}) in (select ({key}) from changes.{scope})")
        self.connection.execute(f"insert into {table} from made")
        self.connection.execute("drop table made")

    def exists(self, name: str) -> bool:
        return bool(self.connection.execute("select 1 from duckdb_tables() where table_name = $1", [name]).fetchone())

    def samples(self) -> dict[int, tuple[Any, ...]]:
        """What each row stands for."""
        rows = self.connection.execute(
            "select row_id, unitId, sampleOccurrence, sample_row_id, revision, is_current, has_its_own_cells,"
            " machineHours from silver.int_sample_revisions order by 1"
        ).fetchall()
        return {row[0]: row[1:] for row in rows}

    def touched(self) -> set[int]:
        return {row for (row,) in self.connection.execute("select row_id from changes.touched_rows").fetchall()}


def splits(order: Sequence[int], cuts: Sequence[bool]) -> Iterator[set[int]]:
    starts = [0, *(at for at, is_cut in enumerate(cuts[: len(order) - 1], 1) if is_cut), len(order)]
    for start, end in pairwise(starts):
        yield set(order[start:end])


@pytest.mark.slow
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=deliveries(), data=st.data(), gone=st.lists(st.booleans(), min_size=5, max_size=5),
    cuts=st.lists(st.sampled_from([True, True, False]), min_size=4, max_size=4),
)  # fmt: skip
def test_samples_do_not_depend_on_the_order_of_arrival(models, files, data, gone, cuts):
    order = data.draw(st.permutations(range(len(files))))
    at_once, in_parts = Warehouse(models), Warehouse(models)
    at_once.run(files, gone, set(), set(order))
    arrived: set[int] = set()
    before: dict[int, tuple[Any, ...]] = {}
    for new in splits(order, cuts):
        in_parts.run(files, gone, arrived, new)
        arrived |= new
        after = in_parts.samples()
        changed = {row for row in after if before.get(row) != after[row]}
        assert changed <= in_parts.touched()
        before = after
    assert in_parts.samples() == at_once.samples()


@pytest.mark.slow
def test_newer_spelling_of_a_unit_renames_its_other_samples(models):
    first = {"number": "A-1", "unit": "T-1", "family": "motor", "day": 0, "hours": None, "cells": 1}
    files = [
        [first | {"row_id": 1, "row_number": 1}],
        [first | {"number": "B-2", "unit": "t-1", "day": 20, "row_id": 2, "row_number": 1}],
    ]
    for order in ((0, 1), (1, 0)):
        warehouse = Warehouse(models)
        for place, file in enumerate(order):
            warehouse.run(files, [False] * 2, set(order[:place]), {file})
        assert [unit for unit, *_ in warehouse.samples().values()] == ["t_1", "t_1"]
        assert warehouse.touched() == {1, 2}


@pytest.mark.slow
def test_last_delivery_day_counts_and_unknown_day_is_first(models):
    row = {"number": "A-1", "unit": "T-1", "family": "motor", "day": 0, "hours": None}
    files = [[row | {"row_id": at + 1, "row_number": 1, "cells": at}] for at in range(3)]
    warehouse = Warehouse(models)
    warehouse.run(files, [False] * 3, set(), {0, 1, 2})
    # The first delivery has the latest time and report. The day of the last one is unknown.
    warehouse.connection.execute("""
        update changes.int_contents set modified_at = '2026-06-01' where content_id = 0;
        update silver.int_checked_rows set reportDate = '2026-06-01' where content_id in (0, 2);
        update changes.int_contents set delivered_on = null, modified_at = null where content_id = 2
    """)
    warehouse.make("int_sample_revisions")
    assert {row_id: sample[3] for row_id, sample in warehouse.samples().items()} == {1: 2, 2: 1, 3: 3}


@pytest.mark.slow
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=deliveries())
def test_rows_of_a_sample_are_of_one_unit_component_and_time(models, files):
    """The definition, written out: steps of at most a week lead from any row of a sample to any other."""
    warehouse = Warehouse(models)
    warehouse.run(files, [False] * 5, set(), set(range(len(files))))
    rows = {row["row_id"]: row for rows in files for row in rows}
    samples: dict[int, set[int]] = {row: {row} for row in rows}
    for one, row in rows.items():
        for other, another in rows.items():
            if forms(row) == forms(another) and abs(row["day"] - another["day"]) <= 7:
                joined = samples[one] | samples[other]
                samples |= dict.fromkeys(joined, joined)
    found: dict[int, set[int]] = {}
    for row_id, (_, _, sample, *_) in warehouse.samples().items():
        found.setdefault(sample, set()).add(row_id)
    assert {frozenset(rows) for rows in found.values()} == {frozenset(rows) for rows in samples.values()}


def forms(row: Row) -> tuple[str, str, str]:
    return row["number"].upper(), plain_spelling(row["unit"]).upper().replace("_", "-"), row["family"]
