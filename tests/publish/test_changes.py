"""The log of changes: exact counts of each publication, logged once."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.small_warehouse import DAY, gold_of, logged, publish, warehouse

from tribolake.oil.product import OIL
from tribolake.publish.change_log import repair
from tribolake.publish.changes import changes_of

NAMES = [entity.name for entity in OIL.contract.entities]
NOTHING = {
    "added": 0,
    "changed": 0,
    "removed": 0,
    "keys": {"removed": [], "changed": [], "added": []},
    "sample": [],
    "columns_added": [],
}


def entry(root: Path, run: str, entity: str) -> dict:
    (found,) = [line for line in logged(root) if (line["run_id"], line["entity"]) == (run, entity)]
    return found


def table(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "select run_id, entity, added, changed, removed from history.change_log order by run_id, entity"
    ).fetchall()


def counts(root: Path) -> list[tuple]:
    columns = ("run_id", "entity", "added", "changed", "removed")
    return sorted(tuple(line[column] for column in columns) for line in logged(root))


def test_first_publication_logs_every_row_as_added(tmp_path):
    small = warehouse(1, rows=30)
    publish(small, tmp_path, "run-1")
    assert [line["entity"] for line in logged(tmp_path)] == NAMES
    samples = entry(tmp_path, "run-1", "samples")
    assert (samples["old_count"], samples["new_count"], samples["added"]) == (0, 30, 30)
    assert (samples["at"], samples["client"], len(samples["sample"])) == (DAY, "cda", 10)
    assert table(small) == counts(tmp_path)


def test_changed_rows_have_exact_counts_transitions_and_keys(tmp_path):
    small = warehouse(1, rows=30)
    publish(small, tmp_path, "run-1")
    small.execute("""
        update gold.classified_reports set report_status = 'Alerta', mark = 2 where sampleNumber in ('S1', 'S2', 'S3');
        update gold.classified_reports set report_status = 'Anormal' where sampleNumber = 'S4';
        update gold.classified_reports set mark = 3 where sampleNumber = 'S5';
        delete from gold.classified_reports where sampleNumber = 'S6';
        insert into gold.classified_reports
            select * replace ('S99' as sampleNumber) from gold.classified_reports where sampleNumber = 'S7';
        update limits.stewart_limits set threshold_alert = 21 where essay in ('E1', 'E2');
        update limits.stewart_limits set mark = 2 where essay = 'E3';
    """)
    publish(small, tmp_path, "run-2")
    reports = entry(tmp_path, "run-2", "classified_reports")
    assert {name: reports[name] for name in ("old_count", "new_count", "added", "changed", "removed")} == {
        "old_count": 30, "new_count": 30, "added": 1, "changed": 5, "removed": 1,
    }  # fmt: skip
    assert reports["transitions"] == {"Normal→Alerta": 3, "Normal→Anormal": 1}
    assert reports["keys"] == {
        "removed": [["S6", "finning", ""]],
        "changed": [[f"S{i}", "finning", ""] for i in (1, 2, 3, 4, 5)],
        "added": [["S99", "finning", ""]],
    }
    assert reports["sample"][0] == {
        "key": {"sampleNumber": "S1", "laboratory": "finning", "sampleOccurrence": ""}, "change": "changed",
        "before": "Normal", "after": "Alerta", "columns": ["report_status", "mark"], "columns_changed": 2,
    }  # fmt: skip
    limits = entry(tmp_path, "run-2", "stewart_limits")
    assert (limits["changed"], limits["transitions"]) == (3, {"moved": 2})
    machines = entry(tmp_path, "run-2", "machine_status_current")
    assert machines == machines | NOTHING | {"old_count": 7, "new_count": 7, "transitions": {}}
    assert table(small) == counts(tmp_path)


def test_many_changes_have_exact_counts_and_a_short_line(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    publish(warehouse(2), tmp_path, "run-2")
    samples = entry(tmp_path, "run-2", "samples")
    assert samples["changed"] == 2000
    assert (len(samples["sample"]), len(samples["keys"]["changed"])) == (10, 10)
    assert max(len(line) for line in (tmp_path / "logs" / "changes.jsonl").read_text().splitlines()) < 5000


def test_new_column_is_named_and_changes_no_row(tmp_path):
    small = warehouse(1, rows=30)
    publish(small, tmp_path, "run-1")
    small.execute("alter table gold.classified_reports add column note varchar default 'x'")
    publish(small, tmp_path, "run-2")
    reports = entry(tmp_path, "run-2", "classified_reports")
    assert reports == reports | NOTHING | {"columns_added": ["note"]}


def test_column_of_another_type_changes_no_row_of_equal_value(tmp_path):
    small = warehouse(1, rows=30)
    publish(small, tmp_path, "run-1")
    small.execute("alter table gold.classified_reports alter mark type bigint")
    small.execute("update gold.classified_reports set mark = 7 where sampleNumber = 'S1'")
    publish(small, tmp_path, "run-2")
    assert entry(tmp_path, "run-2", "classified_reports")["changed"] == 1


def test_run_without_news_logs_no_line(tmp_path):
    publish(warehouse(1, rows=30), tmp_path, "run-1")
    assert not publish(warehouse(1, rows=30), tmp_path, "run-2")
    assert {line["run_id"] for line in logged(tmp_path)} == {"run-1"}


def test_lost_log_lines_are_added_once_by_next_run(tmp_path):
    publish(warehouse(1, rows=30), tmp_path, "run-1")
    whole = (tmp_path / "logs" / "changes.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    for lost in (b"", lines[0], b"".join(lines[:3]) + lines[3][:20], lines[0] + b"\0" * 300, b"\0" * 4096 + lines[3]):
        (tmp_path / "logs" / "changes.jsonl").write_bytes(lost)
        small = warehouse(1, rows=30)
        assert not publish(small, tmp_path, "run-2")
        assert sorted(NAMES) == sorted(line["entity"] for line in logged(tmp_path))
        assert table(small) == counts(tmp_path)


@pytest.mark.parametrize("torn", [b'{"run_id": "r', b"\0\0\0", b'{"a": 1}\0\0\n', b'\0\0"}\n{"b": 2}\n{"c'])
def test_repair_of_torn_log_keeps_every_whole_line(tmp_path, torn):
    log = tmp_path / "changes.jsonl"
    log.write_bytes(b'{"x": 1}\n{"y": "\xc3\xb1"}\n' + torn)
    assert repair(log) == log.read_bytes()
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[:2] == [{"x": 1}, {"y": "ñ"}]
    assert repair(log) == log.read_bytes()


def test_folder_in_place_of_the_log_is_renamed(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    log = tmp_path / "logs" / "changes.jsonl"
    log.unlink()
    log.mkdir()
    publish(warehouse(2), tmp_path, "run-2")
    assert {line["run_id"] for line in logged(tmp_path)} == {"run-1", "run-2"}
    assert (log.parent / ".changes.jsonl.before").is_dir()


def test_table_of_rebuilt_warehouse_is_filled_from_the_log(tmp_path):
    publish(warehouse(1, rows=30), tmp_path, "run-1")
    publish(warehouse(2, rows=30), tmp_path, "run-2")
    rebuilt = warehouse(3, rows=30)
    publish(rebuilt, tmp_path, "run-3")
    assert len(table(rebuilt)) == 3 * len(OIL.contract.entities)
    assert table(rebuilt) == counts(tmp_path)


def test_gold_without_a_log_is_the_base_of_changes(tmp_path):
    publish(warehouse(1, rows=30), tmp_path, "run-1")
    for path in (gold_of(tmp_path) / "_versions" / "run-1").glob("_[!m]*"):
        path.unlink()
    (tmp_path / "logs" / "changes.jsonl").unlink()
    publish(warehouse(2, rows=31), tmp_path, "run-2")
    assert {line["run_id"] for line in logged(tmp_path)} == {"run-2"}
    samples = entry(tmp_path, "run-2", "samples")
    assert (samples["added"], samples["changed"], samples["removed"]) == (1, 30, 0)


values = st.dictionaries(
    st.integers(0, 8), st.tuples(st.none() | st.floats(), st.none() | st.sampled_from(["Normal", "Alerta"]))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=values, new=values)
def test_changes_equal_a_plain_comparison_of_all_rows(tmp_path, old, new):
    paths = tmp_path / "old.parquet", tmp_path / "new.parquet"
    for path, content in zip(paths, (old, new), strict=True):
        duckdb.execute("create or replace table machines (unit_id varchar, value double, overall_status varchar)")
        for key, (value, status) in content.items():
            duckdb.execute("insert into machines values (?, ?, ?)", [f"T{key}", value, status])
        duckdb.execute("copy machines to $path (format parquet)", {"path": str(path)})
    machines = next(entity for entity in OIL.contract.entities if entity.name == "machine_status_current")
    found = changes_of(duckdb.connect(), machines, *paths)
    changed = {key for key in old.keys() & new.keys() if repr(old[key]) != repr(new[key])}
    # Zero has two signs that compare as equal.
    changed -= {key for key in changed if old[key] == new[key]}
    assert found["keys"] == {
        "removed": sorted([f"T{key}"] for key in old.keys() - new.keys()),
        "changed": sorted([f"T{key}"] for key in changed),
        "added": sorted([f"T{key}"] for key in new.keys() - old.keys()),
    }
    assert (found["old_count"], found["new_count"], found["changed"]) == (len(old), len(new), len(changed))
    assert sum(found["transitions"].values()) == sum(old[key][1] != new[key][1] for key in changed)
