"""A client's published files change all at once, and never into something that breaks the contract."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tribolake.errors import ContractBroken
from tribolake.publish.gold import Publication, publish_client

WAREHOUSE = """
    create schema gold; create schema limits; create schema silver; create schema bronze;
    create table gold.classified_reports as
        select 'CDA' as client, 'S' || i as sampleNumber, 'finning' as laboratory, 'T_' || i % 7 as unitId,
               'motor' as componentName, timestamp '2026-01-01' + to_days(i::int) as sampleTimestamp, {mark} as mark
        from range(2000) t(i);
    create table gold.machine_status_current as
        select 'T_' || i as unit_id, 'CDA' as client, {mark} as mark from range(7) t(i);
    create table limits.stewart_limits as
        select 'CDA' as client, 'camion' as machine, 'motor' as component, 'E' || i as essay, {mark} as mark
        from range(9) t(i);
    create table silver.samples as select *, 1 as row_id from gold.classified_reports;
    create table bronze.bronze_arrivals as
        select 'cda' as client, 'k' as file_key, 's' as sha256, 1 as size_bytes, 'loaded' as status;
"""


def warehouse(mark: int) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(WAREHOUSE.format(mark=mark))
    return connection


def publish(connection, home: Path, run: str, declared=None) -> bool:
    return publish_client(connection, home, "cda", Publication(run, "default", "2026-01-31"), declared or {})


def published_mark(home: Path) -> int:
    """Read as a consumer does: the manifest, then each file it names; all must be whole and from one run."""
    gold = home / "gold" / "cda"
    manifest = json.loads((gold / "_manifest.json").read_text())
    marks = set()
    for file in manifest["files"]:
        path = gold / manifest["folder"] / file["name"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        assert (gold / file["name"]).read_bytes() == path.read_bytes()
        marks |= {
            mark for (mark,) in duckdb.execute("select distinct mark from read_parquet(?)", [str(path)]).fetchall()
        }
    assert len(marks) == 1
    return marks.pop()


def test_given_a_second_run_with_other_data_then_every_name_shows_the_new_files(tmp_path):
    assert publish(warehouse(1), tmp_path, "run-1")
    assert published_mark(tmp_path) == 1
    assert publish(warehouse(2), tmp_path, "run-2")
    assert published_mark(tmp_path) == 2


def test_given_the_same_data_then_no_published_byte_changes(tmp_path):
    publish(warehouse(1), tmp_path, "run-1")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*")}
    assert not publish(warehouse(1), tmp_path, "run-2")
    after = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: before[path] for path in after} == after


def test_given_many_runs_then_only_the_last_versions_are_kept(tmp_path):
    for run in range(5):
        publish(warehouse(run), tmp_path, f"run-{run}")
    assert sorted(path.name for path in (tmp_path / "gold" / "cda" / "_versions").iterdir()) == ["run-3", "run-4"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("insert into gold.classified_reports select * from gold.classified_reports limit 1", "null or doubled"),
        ("update gold.machine_status_current set unit_id = null where unit_id = 'T_1'", "null or doubled"),
        ("alter table gold.classified_reports rename mark to note", "disappeared or moved"),
    ],
)
def test_given_a_broken_contract_then_what_was_published_stays(tmp_path, change, words):
    publish(warehouse(1), tmp_path, "run-1")
    broken = warehouse(2)
    broken.execute(change)
    with pytest.raises(ContractBroken, match=words):
        publish(broken, tmp_path, "run-2")
    assert published_mark(tmp_path) == 1
    assert [path.name for path in (tmp_path / "gold" / "cda" / "_versions").iterdir()] == ["run-1"]


def test_given_columns_other_than_the_declared_ones_then_nothing_is_published(tmp_path):
    with pytest.raises(ContractBroken, match="differ from the declared contract"):
        publish(warehouse(1), tmp_path, "run-1", declared={"machine_status_current": ["unit_id"]})
    assert not (tmp_path / "gold" / "cda" / "_manifest.json").exists()


def test_given_a_kill_at_any_moment_then_readers_see_all_old_or_all_new_files(tmp_path):
    script = f"""
import sys, itertools
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_publish import publish, warehouse
marks = [warehouse(mark) for mark in (1, 2)]
for turn in itertools.count():
    publish(marks[turn % 2], Path({str(tmp_path)!r}), f"run-{{sys.argv[1]}}-{{turn:06d}}")
    print(turn, flush=True)
"""
    publish(warehouse(1), tmp_path, "run-000")
    chance = random.Random(7)  # noqa: S311 - moments to kill at, not secrets
    seen = set()
    for kill in range(1, 16):
        writer = subprocess.Popen([sys.executable, "-c", script, f"{kill:03d}"], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(2 + kill % 2):  # at least one publication of each data, then into the next one
            began = time.perf_counter()
            writer.stdout.readline()
        time.sleep(chance.random() * (time.perf_counter() - began))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        seen.add(published_mark(tmp_path))
    assert seen == {1, 2}
