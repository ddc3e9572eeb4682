"""Published files of a client change all at once and always keep the contract."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from tests.support.small_warehouse import (
    day_of,
    delta_of,
    gold_of,
    harmonized_of,
    logged,
    mark_all,
    marks_in,
    publish,
    publish_repeatedly,
    published_mark,
    read_whole,
    rejected_of,
    shelf_in,
    warehouse,
)

from tribolake.errors import ContractBroken
from tribolake.oil.product import OIL
from tribolake.publish.contract import check_file
from tribolake.publish.in_folder import forget_versions
from tribolake.publish.places import Places
from tribolake.publish.version import Version

KILLS = 20


def test_json_is_published_as_text(tmp_path):
    """Programs of Arrow can group it and write it as CSV."""
    small = warehouse(1, rows=3)
    for table in ("gold.classified_reports", "silver.samples"):
        small.execute(f"""alter table {table} add column censored_essays json default '{{"Plata": "<0,05"}}'""")
    publish(small, tmp_path, "run-1")
    for path in (gold_of(tmp_path) / "classified_reports.parquet", harmonized_of(tmp_path), delta_of(tmp_path)):
        published = pq.read_table(path, columns=["censored_essays"])
        assert published.group_by("censored_essays").aggregate([]).to_pylist() == [
            {"censored_essays": '{"Plata": "<0,05"}'}
        ]
        csv.write_csv(published, tmp_path / "found.csv")


def test_second_run_with_other_data_replaces_every_file(tmp_path):
    assert publish(warehouse(1), tmp_path, "run-1")
    assert published_mark(tmp_path) == 1
    assert publish(warehouse(2), tmp_path, "run-2")
    assert published_mark(tmp_path) == 2
    assert marks_in(harmonized_of(tmp_path)) == {2}


def test_second_run_with_same_data_changes_no_file(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*") if path.is_file()}
    assert not publish(warehouse(1), tmp_path, "run-2", at="2026-02-01")
    after = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_change_of_harmonized_samples_alone_is_published(tmp_path):
    small = warehouse(1)
    publish(small, tmp_path, "run-1")
    small.execute("update silver.samples set mark = 2")
    assert publish(small, tmp_path, "run-2")
    assert (published_mark(tmp_path), marks_in(harmonized_of(tmp_path))) == (1, {2})


def test_change_of_rejected_things_alone_is_published(tmp_path):
    small = warehouse(1)
    publish(small, tmp_path, "run-1")
    small.execute("update silver.rejected set mark = 2")
    assert publish(small, tmp_path, "run-2")
    assert (published_mark(tmp_path), marks_in(rejected_of(tmp_path))) == (1, {2})


def test_publication_of_earlier_release_gets_rejected_things(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    rejected_of(tmp_path).unlink()
    (gold_of(tmp_path) / "_current" / "_rejected.parquet").unlink()
    assert publish(warehouse(1), tmp_path, "run-2")
    assert marks_in(rejected_of(tmp_path)) == {1}


def test_published_run_again_keeps_its_files(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    assert not publish(warehouse(1), tmp_path, "run-1")
    assert published_mark(tmp_path) == 1


def test_many_runs_keep_only_the_last_two_versions(tmp_path):
    for run in range(5):
        publish(warehouse(run), tmp_path, f"run-{run}")
    assert sorted(path.name for path in (gold_of(tmp_path) / "_versions").iterdir()) == ["run-3", "run-4"]


def test_unpublished_version_is_removed_after_a_day(tmp_path):
    """Another machine may make it now, or a run was killed."""
    publish(warehouse(1), tmp_path, "run-1")
    versions = gold_of(tmp_path) / "_versions"
    (versions / "run-2-killed").mkdir()
    publish(warehouse(3), tmp_path, "run-3")
    assert sorted(path.name for path in versions.iterdir()) == ["run-1", "run-2-killed", "run-3"]
    os.utime(versions / "run-2-killed", (0, 0))
    publish(warehouse(4), tmp_path, "run-4")
    assert sorted(path.name for path in versions.iterdir()) == ["run-3", "run-4"]


def test_version_that_current_names_is_never_removed(tmp_path):
    """Another machine published it after this one had published."""
    for mark in (1, 2, 3):
        publish(warehouse(mark), tmp_path, f"run-{mark}")
    places = Places(OIL.contract, tmp_path, shelf_in(tmp_path).home, "cda")
    shown = places.gold / "_current"
    shown.unlink()
    shown.symlink_to("_versions/run-2")
    os.utime(places.versions / "run-2", (0, 0))
    forget_versions(places, [Version(places.versions / "run-3", {})])
    assert published_mark(tmp_path) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("insert into gold.classified_reports select * from gold.classified_reports limit 1", "null or duplicate"),
        ("insert into silver.samples select * from silver.samples limit 1", "null or duplicate"),
        ("update gold.machine_status_current set unit_id = null where unit_id = 'T_1'", "null or duplicate"),
        ("update gold.classified_reports set laboratory = null where sampleNumber = 'S1'", "null or duplicate"),
        ("alter table gold.classified_reports rename mark to note", "disappeared or moved"),
        ("alter table silver.samples rename mark to note", "disappeared or moved"),
    ],
)
def test_broken_contract_keeps_published_version(tmp_path, change, words):
    publish(warehouse(1), tmp_path, "run-1")
    broken = warehouse(2)
    broken.execute(change)
    with pytest.raises(ContractBroken, match=words):
        publish(broken, tmp_path, "run-2")
    assert (published_mark(tmp_path), marks_in(harmonized_of(tmp_path))) == (1, {1})
    assert [path.name for path in (gold_of(tmp_path) / "_versions").iterdir()] == ["run-1"]
    assert {line["run_id"] for line in logged(tmp_path)} == {"run-1"}


def test_lost_rows_break_the_contract(tmp_path):
    path = tmp_path / "machines.parquet"
    table = next(table for table in OIL.contract.tables if table.name == "machine_status_current")
    with warehouse(1) as connection:
        connection.execute(f"copy gold.machine_status_current to '{path}' (format parquet)")
        assert check_file(connection, table, path, 7, (), None) == ["unit_id", "client", "overall_status", "mark"]
        with pytest.raises(ContractBroken, match="7 rows written, 8 in the warehouse"):
            check_file(connection, table, path, 8, (), None)


def test_other_policy_is_published_with_the_same_rows(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    assert publish(warehouse(1), tmp_path, "run-2", policy="reference")
    assert read_whole(gold_of(tmp_path))["policy"] == "reference"


def test_undeclared_columns_publish_nothing(tmp_path):
    with pytest.raises(ContractBroken, match="differ from the declared contract"):
        publish(warehouse(1), tmp_path, "run-1", declared={"machine_status_current": ["unit_id"]})
    assert not (gold_of(tmp_path) / "_manifest.json").exists()
    assert not harmonized_of(tmp_path).exists()


def check_consumers(root: Path) -> int:
    """Check that all published files and all days of the history are complete. Returns the published mark."""
    snapshots = [path for path in (gold_of(root) / "_history").iterdir() if path.is_symlink()]
    for snapshot in snapshots:
        if not snapshot.name.startswith("."):
            read_whole(snapshot)
    assert len(marks_in(harmonized_of(root))) == 1
    return published_mark(root)


def check_log(connection: duckdb.DuckDBPyConnection, root: Path, published: set[str]) -> None:
    """Check that the log and the table have one line per entity for every published run."""
    lines = Counter((line["run_id"], line["entity"]) for line in logged(root))
    runs = {run for run, _ in lines}
    assert lines == Counter((run, entity.name) for run in runs for entity in OIL.contract.entities)
    assert published <= runs
    assert set(connection.execute("select run_id, entity from history.change_log").fetchall()) == set(lines)


@pytest.mark.slow
def test_kill_at_any_moment_leaves_complete_files(tmp_path):
    """Readers see only old or only new files. The next run completes the log."""
    root, state = tmp_path / "lake", tmp_path / "warehouse.duckdb"
    root.mkdir()
    with warehouse(1, rows=50, path=state) as connection:
        publish(connection, root, "run-000", at=day_of(0))
        began = time.perf_counter()
        mark_all(connection, 2)
        publish(connection, root, "run-001", at=day_of(0))
        seconds = time.perf_counter() - began
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["pytest", publish_repeatedly.__module__])
    chance = random.Random(7)  # noqa: S311 - moments to kill at, not secrets
    seen, published = set(), {"run-000", "run-001"}
    for kill in range(1, 3 * KILLS):
        turns, writer = processes.Pipe(duplex=False)
        publisher = processes.Process(target=publish_repeatedly, args=(root, state, kill, writer))
        publisher.start()
        writer.close()
        turns.recv()
        if kill % 4 == 0:  # in the second publication, else in the first, which repairs
            began = time.perf_counter()
            turns.recv()
            seconds = time.perf_counter() - began
        time.sleep(chance.random() * seconds)
        publisher.kill()
        publisher.join()
        seen.add(check_consumers(root))
        published.add(read_whole(gold_of(root), base=gold_of(root))["run_id"])
        if kill % 6 == 0:
            with duckdb.connect(state) as connection:
                mark_all(connection, 3)
                publish(connection, root, f"run-{kill:03d}-healed", at=day_of(kill))
                check_log(connection, root, published | {f"run-{kill:03d}-healed"})
            assert check_consumers(root) == 3
        if kill >= KILLS and seen >= {1, 2}:
            break
    assert seen >= {1, 2}
    for day in range(3):
        query = "select count(*) - count(distinct sampleNumber) from read_parquet(?)"
        assert duckdb.execute(query, [str(delta_of(root, day_of(day)))]).fetchone() == (0,)
