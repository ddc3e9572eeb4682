"""The delta of a day: harmonized samples that its publications added, changed or removed."""

from __future__ import annotations

from pathlib import Path

import duckdb
from tests.support.small_warehouse import DAY, delta_of, harmonized_of, publish, warehouse

from tribolake.oil.contract import REPORTS, SAMPLES
from tribolake.product import Entity
from tribolake.publish.changes import changes_of
from tribolake.publish.delta import merge_delta, write_delta


def rows(path: Path, columns: str = "sampleNumber, change, run_id") -> list[tuple]:
    return duckdb.execute(f"select {columns} from read_parquet(?) order by sampleNumber", [str(path)]).fetchall()


def edit(connection: duckdb.DuckDBPyConnection, statement: str) -> duckdb.DuckDBPyConnection:
    connection.execute(statement)
    return connection


def test_first_delta_has_every_sample_as_added(tmp_path):
    publish(warehouse(1, rows=3), tmp_path, "run-1")
    assert rows(delta_of(tmp_path)) == [(f"S{i}", "added", "run-1") for i in range(3)]
    columns = duckdb.execute("from read_parquet(?)", [str(harmonized_of(tmp_path))]).description
    assert [c[0] for c in duckdb.execute("from read_parquet(?)", [str(delta_of(tmp_path))]).description] == [
        *(column[0] for column in columns),
        "change",
        "run_id",
    ]


def test_delta_of_next_day_has_changed_rows_only(tmp_path):
    """Removed rows have their last values."""
    small = warehouse(1, rows=4)
    publish(small, tmp_path, "run-1")
    edit(small, "update silver.samples set mark = 5 where sampleNumber = 'S1'")
    edit(small, "delete from silver.samples where sampleNumber = 'S2'")
    edit(
        small,
        "insert into silver.samples select * replace ('S9' as sampleNumber, 9 as mark) from silver.samples limit 1",
    )
    publish(small, tmp_path, "run-2", at="2026-02-01")
    assert rows(delta_of(tmp_path, "2026-02-01"), "sampleNumber, change, run_id, mark") == [
        ("S1", "changed", "run-2", 5),
        ("S2", "removed", "run-2", 1),
        ("S9", "added", "run-2", 9),
    ]


def test_delta_of_several_runs_has_last_row_of_each_sample(tmp_path):
    small = warehouse(1, rows=3)
    publish(small, tmp_path, "run-1")
    publish(edit(small, "update silver.samples set mark = 2 where sampleNumber = 'S0'"), tmp_path, "run-2")
    publish(edit(small, "delete from silver.samples where sampleNumber = 'S1'"), tmp_path, "run-3")
    assert rows(delta_of(tmp_path), "sampleNumber, change, run_id, mark") == [
        ("S0", "changed", "run-2", 2),
        ("S1", "removed", "run-3", 1),
        ("S2", "added", "run-1", 1),
    ]


def test_delta_of_same_run_or_same_data_is_not_rewritten(tmp_path):
    publish(warehouse(1, rows=3), tmp_path, "run-1")
    before = delta_of(tmp_path).stat()
    assert not publish(warehouse(1, rows=3), tmp_path, "run-1")
    assert not publish(warehouse(1, rows=3), tmp_path, "run-2", at="2026-02-01")
    after = delta_of(tmp_path).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not delta_of(tmp_path, "2026-02-01").exists()


def test_gold_change_without_changed_sample_has_no_delta(tmp_path):
    small = warehouse(1, rows=3)
    publish(small, tmp_path, "run-1")
    assert publish(edit(small, "update gold.classified_reports set mark = 2"), tmp_path, "run-2", at="2026-02-01")
    assert not delta_of(tmp_path, "2026-02-01").exists()


def test_delta_with_new_column_keeps_rows_of_both_runs(tmp_path):
    small = warehouse(1, rows=2)
    publish(small, tmp_path, "run-1")
    edit(small, "alter table silver.samples add column note varchar")
    publish(edit(small, "update silver.samples set note = 'x' , mark = 2 where sampleNumber = 'S1'"), tmp_path, "run-2")
    assert rows(delta_of(tmp_path), "sampleNumber, note, run_id") == [("S0", None, "run-1"), ("S1", "x", "run-2")]


def test_harmonized_file_follows_its_delta(tmp_path):
    publish(warehouse(1, rows=3), tmp_path, "run-1")
    publish(warehouse(2, rows=3), tmp_path, "run-2", at="2026-02-01")
    assert delta_of(tmp_path, DAY).exists()
    assert rows(harmonized_of(tmp_path), "mark") == [(2,)] * 3


def test_key_column_that_is_new_is_empty_in_earlier_files(tmp_path):
    """An earlier release knew one sample of each number. S1 has become two samples since."""
    before, after, delta, day_file = (tmp_path / f"{name}.parquet" for name in ("before", "after", "delta", "day"))
    sample = "select 'S' || i as sampleNumber, 'finning' as laboratory, 'Normal' as report_status"
    duckdb.execute(f"copy ({sample} from range(2) t(i)) to '{before}'")
    duckdb.execute(
        f"copy ({sample}, occurrence as sampleOccurrence from (values (0, ''), (1, 'a'), (1, 'b')) as t(i, occurrence))"
        f" to '{after}'"
    )
    with duckdb.connect() as connection:
        write_delta(connection, SAMPLES, before, after, "run-2", delta)
        found = "sampleNumber, sampleOccurrence, change"
        expected = [("S1", "", "removed"), ("S1", "a", "added"), ("S1", "b", "added")]
        assert sorted(rows(delta, found)) == expected
        duckdb.execute(f"copy ({sample}, 'added' as change, 'run-1' as run_id from range(2) t(i)) to '{day_file}'")
        merge_delta(connection, SAMPLES, tmp_path, delta, "run-2", day_file)
        assert sorted(rows(day_file, found)) == [("S0", "", "added"), *expected]
        changes = changes_of(connection, Entity("classified_reports", REPORTS, status="report_status"), before, after)
    assert (changes["added"], changes["changed"], changes["removed"]) == (2, 0, 1)
