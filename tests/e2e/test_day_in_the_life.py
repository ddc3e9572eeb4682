"""A whole day of a lake: deliveries, errors, a kill, corrections, and the published result.

The fixture `day` runs the day once, with a real watcher and real files. Each test checks one result.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.conftest import read_manifest
from tests.e2e.test_watcher import Watched
from tests.oil.test_arrival_order import TABLES, differences
from tests.oil.test_incremental import with_result
from tests.run.test_notify import Receiver
from tests.support.als_tables import as_parquet
from tests.support.queues import wait_until
from tests.support.small_warehouse import logged

from tribolake.oil.synth import write_sample_lake

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

CLIENTS = ("cda", "emin")
BRONZE = "oil-analysis/bronze"
SLOW, OTHER = (f"{BRONZE}/cda/2026-02-01/{name}.xlsx" for name in ("T-01", "T-02"))
PARTS = tuple(f"{BRONZE}/emin/2026-02-01/{name}.parquet" for name in "abcd")
TRUNCATED, WHILE_STOPPED = PARTS[2:]
DUPLICATE = f"{BRONZE}/cda/2026-02-02/copy of T-01.xlsx"
CORRECTION = f"{BRONZE}/emin/2026-02-03/correction.parquet"
WEAR_METALS = ("Hierro", "Cromo", "Aluminio", "Cobre", "Plomo", "Níquel", "Estaño")
LONGER_THAN_FILES_SETTLE = 1.0
PATIENCE_SECONDS = 180
ENTITIES = ("samples", "classified_reports", "machine_status_current", "stewart_limits")
# The Normal machine with most components whose latest report is Normal, and these reports.
HEALTHY_REPORTS = """
    with latest as (
        from read_parquet($reports)
        qualify sampleTimestamp = max(sampleTimestamp) over (partition by unitId, componentName)
    )
    select unitId, list(sampleNumber order by sampleNumber)
    from latest where report_status = 'Normal'
    and unitId in (select unit_id from read_parquet($machines) where overall_status = 'Normal')
    group by unitId order by count(*) desc, unitId limit 1
"""


@dataclass
class Day:
    """Observations of the day. `runs` are, for each hour, those that did something."""

    lake: Path
    fresh: Path  # a lake with all files of the day, read by one run
    runs: dict[str, list[dict]] = field(default_factory=dict)
    status: dict[str, dict] = field(default_factory=dict)
    dead_letters: dict[str, dict] = field(default_factory=dict)
    exit_codes: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    unit: str = ""
    corrected: list[str] = field(default_factory=list)

    @property
    def all_runs(self) -> list[dict]:
        return [run for runs in self.runs.values() for run in runs]

    @contextmanager
    def hour(self, name: str, watcher: Watched, *, arrivals: int) -> Iterator[None]:
        """Wait after the body until the watcher has read so many arrivals and is idle."""
        before = len(watcher.runs())
        yield
        wait_until(lambda: arrivals_of(watcher.runs()[before:]) >= arrivals and watcher.is_idle(), PATIENCE_SECONDS)
        self.runs[name] = watcher.runs()[before:]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Deliveries by their key: two workbooks, and a table in four parts."""
    folder = tmp_path_factory.mktemp("laboratories")
    made = write_sample_lake(folder, finning_units=2, als_units=6, months=12)
    *workbooks, table_path = made.files
    table = pq.read_table(table_path)
    shuffled = table.take(random.Random(1).sample(range(len(table)), len(table)))  # noqa: S311 - an order, not a secret
    size = len(shuffled) // len(PARTS) + 1
    parts = [as_parquet(shuffled.slice(at * size, size)) for at in range(len(PARTS))]
    return dict(zip((SLOW, OTHER, *PARTS), (*(path.read_bytes() for path in workbooks), *parts), strict=True))


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """The receiver of messages."""
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Callable[[], Watched]]:
    """Start watchers on a lake that is empty at first. Remaining processes are killed at the end."""
    lake = tmp_path_factory.mktemp("lake")
    started: list[Watched] = []

    def start() -> Watched:
        started.append(
            Watched(lake, "--init", TRIBOLAKE_NOTIFY=json.dumps([f"json://127.0.0.1:{receiver.server_port}"]))
        )
        return started[-1]

    yield start
    for watcher in started:
        watcher.kill()


@pytest.fixture(scope="module")
def day(
    watch: Callable[[], Watched],
    delivered: dict[str, bytes],
    receiver: Receiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Day:
    """Run the day from the first start of the watcher to its last stop, then calculate all limits again."""
    watcher = watch()
    day = Day(watcher.lake, tmp_path_factory.mktemp("fresh"))
    with day.hour("start", watcher, arrivals=0):
        wait_until(watcher.is_idle)
    with day.hour("slow copy", watcher, arrivals=1):
        copy_slowly(delivered[SLOW], day.lake / SLOW, watcher)
    with day.hour("burst", watcher, arrivals=4):
        for key in (OTHER, *PARTS[:2]):
            copy(delivered[key], day.lake / key)
        copy(delivered[TRUNCATED][: len(delivered[TRUNCATED]) // 2], day.lake / TRUNCATED)
    day.dead_letters["noon"] = ask(day.lake, "arrivals", "list", "--failed")
    with day.hour("whole file", watcher, arrivals=1):
        copy(delivered[TRUNCATED], day.lake / TRUNCATED)
    with day.hour("duplicate", watcher, arrivals=1):
        copy(delivered[SLOW], day.lake / DUPLICATE)
    day.exit_codes.append(watcher.stop())
    day.status["stopped"] = ask(day.lake, "status")

    copy(delivered[WHILE_STOPPED], day.lake / WHILE_STOPPED)
    day.exit_codes.append(kill_in_the_middle_of_a_run(watch()))
    day.status["killed"] = ask(day.lake, "status")
    watcher = watch()
    with day.hour("restart", watcher, arrivals=1):
        pass
    with day.hour("correction", watcher, arrivals=1):
        day.unit, day.corrected = choose_a_machine(day.lake)
        copy(correction(delivered, day.corrected), day.lake / CORRECTION)
    day.status["evening"] = ask(day.lake, "status")
    day.exit_codes.append(watcher.stop())
    day.status["end"] = ask(day.lake, "status")
    day.messages = list(receiver.messages)
    shutil.copytree(day.lake / BRONZE, day.fresh / BRONZE)  # with the times of the files
    with ThreadPoolExecutor(2) as both:
        night, _ = both.map(lambda lake: ask(lake, "run", "--recalculate-limits"), (day.lake, day.fresh))
    day.runs["night"] = [night]
    day.dead_letters["end"] = ask(day.lake, "arrivals", "list", "--failed")
    return day


def test_slow_copy_is_taken_whole_by_one_run(day: Day):
    (run,) = day.runs["slow copy"]
    assert run["failed_files"] == []
    assert (run["clients"]["cda"]["arrivals"], run["clients"]["cda"]["published"]) == (1, True)


def test_burst_is_published_by_few_runs_without_broken_file(day: Day):
    runs = day.runs["burst"]
    assert len(runs) <= 2
    assert arrivals_of(runs) == 4
    assert [failed["file"] for run in runs for failed in run["failed_files"]] == [TRUNCATED]
    assert all(runs[-1]["clients"][client]["published"] for client in CLIENTS)


def test_truncated_file_is_dead_letter_until_whole_one_comes(day: Day):
    assert [(file["file"], file["attempts"]) for file in day.dead_letters["noon"]["files"]] == [(TRUNCATED, 1)]
    assert day.dead_letters["end"] == ask(day.fresh, "arrivals", "list", "--failed")
    assert day.dead_letters["end"]["files"] == []
    assert {row["reason"] for row in day.dead_letters["end"]["rows"]} >= {"no_sample_date"}


def test_every_arrival_is_listed_with_its_outcome(day: Day):
    listed = defaultdict(list)
    for arrival in reversed(ask(day.lake, "arrivals", "list")["arrivals"]):
        listed[arrival["file"]].append(arrival["status"])
        used = arrival["rows_loaded"] + arrival["rows_superseded"] + arrival["rows_rejected"]
        assert arrival["rows_read"] == used
        assert bool(used) == (arrival["status"] == "loaded")
    assert listed == {
        SLOW: ["loaded"],
        OTHER: ["loaded"],
        PARTS[0]: ["loaded"],
        PARTS[1]: ["loaded"],
        TRUNCATED: ["failed", "loaded"],
        WHILE_STOPPED: ["loaded"],
        DUPLICATE: ["duplicate"],
        CORRECTION: ["loaded"],
    }


def test_duplicate_changes_nothing_for_readers(day: Day):
    (run,) = day.runs["duplicate"]
    assert run["failed_files"] == []
    assert [line for line in logged(day.lake) if line["run_id"] == run["run_id"]] == []


def test_stop_and_kill_are_shown_and_next_watcher_catches_up(day: Day):
    assert day.exit_codes == [0, -signal.SIGKILL, 0]
    alive = {moment: status["watcher"]["alive"] for moment, status in day.status.items()}
    assert alive == {"stopped": False, "killed": False, "evening": True, "end": False}
    evening, end = day.status["evening"]["watcher"], day.status["end"]["watcher"]
    assert (evening["state"], evening["backlog"], evening["lag_seconds"]) == ("idle", 0, 0)
    assert evening["last_run"]["run_id"] == day.runs["correction"][0]["run_id"]
    assert (end["state"], end["backlog"]) == ("stopped", 0)
    assert [run["clients"]["emin"]["arrivals"] for run in day.runs["restart"]] == [1]


def test_gold_equals_gold_of_one_run_on_all_files(day: Day):
    assert differences(day.lake, day.fresh) == {}
    assert {client: sources(day.lake, client) for client in CLIENTS} == {
        client: sources(day.fresh, client) for client in CLIENTS
    }


def test_change_log_adds_up_to_published_rows(day: Day):
    counts: dict[tuple[str, str], int] = {}
    for line in logged(day.lake):
        entity = line["client"], line["entity"]
        assert line["old_count"] == counts.get(entity, 0)
        assert line["new_count"] == line["old_count"] + line["added"] - line["removed"]
        counts[entity] = line["new_count"]
    assert counts == {
        (client, entity): rows_in(path)
        for client in CLIENTS
        for entity, path in zip(ENTITIES, published_files(day.lake, client), strict=True)
    }


def test_change_log_is_small_and_in_the_order_of_runs(day: Day):
    runs = [run["run_id"] for run in day.all_runs]
    lines = (day.lake / "logs" / "changes.jsonl").read_bytes().splitlines()
    assert max(map(len, lines)) < 20_000
    entries = logged(day.lake)
    assert all(len(line["sample"]) <= 10 for line in entries)
    assert all(len(keys) <= 10 for line in entries for keys in line["keys"].values())
    assert [line["run_id"] for line in entries] == sorted((line["run_id"] for line in entries), key=runs.index)
    assert len({(line["run_id"], line["client"], line["entity"]) for line in entries}) == len(entries)


def test_warehouse_has_the_same_change_log(day: Day):
    found = query(day.lake, "from history.change_log")
    for row in found:
        row |= {name: json.loads(row[name]) for name in ("transitions", "keys", "sample")}
    expected = logged(day.lake)
    for line in expected:
        line["published_at"] = datetime.fromisoformat(line.pop("at"))
    assert sorted(found, key=by_identity) == sorted(expected, key=by_identity)


def test_log_of_correction_has_its_changes_of_status(day: Day):
    (run,) = day.runs["correction"]
    lines = {line["entity"]: line for line in logged(day.lake) if line["run_id"] == run["run_id"]}
    assert {line["client"] for line in lines.values()} == {"emin"}
    samples, reports, machines = (lines[entity] for entity in ENTITIES[:3])
    assert [number for number, *_ in samples["keys"]["changed"]] == day.corrected
    assert (samples["added"], samples["changed"], samples["removed"]) == (0, len(day.corrected), 0)
    shown = {record["key"]["sampleNumber"]: (record["before"], record["after"]) for record in reports["sample"]}
    turned = [shown[number] for number in day.corrected]
    assert set(turned) <= {("Normal", "Alerta"), ("Normal", "Anormal")}
    assert reports["transitions"]["Normal→Anormal"] >= turned.count(("Normal", "Anormal")) > 0
    assert machines["transitions"] == {"Normal→Anormal": 1}
    assert [day.unit] in machines["keys"]["changed"]


def test_delta_of_day_has_correction_as_changed(day: Day):
    (run,) = day.runs["correction"]
    (at,) = {line["at"] for line in logged(day.lake) if line["run_id"] == run["run_id"]}
    delta = day.lake / "oil-analysis" / "silver" / "_delta" / f"EMIN_{datetime.fromisoformat(at).date()}.parquet"
    changed = duckdb.execute(
        "select sampleNumber, Hierro from read_parquet(?) where change = 'changed' and run_id = ? order by 1",
        [str(delta), run["run_id"]],
    ).fetchall()
    assert changed == [(number, 9000) for number in day.corrected]


def test_history_of_corrected_report_shows_both_statuses(day: Day):
    reports = ask(day.lake, "history", "--unit", day.unit.replace("_", "-"))["reports"]
    in_force = {report["sample_number"]: report["report_status"] for report in reports if report["valid_to"] is None}
    earlier = {(report["sample_number"], report["report_status"]) for report in reports if report["valid_to"]}
    assert earlier >= {(number, "Normal") for number in day.corrected}
    assert "Anormal" in {in_force[number] for number in day.corrected} <= {"Alerta", "Anormal"}


def test_snapshot_of_day_equals_its_last_publication(day: Day):
    for client in CLIENTS:
        gold = day.lake / "oil-analysis" / "gold" / client
        today = datetime.fromisoformat(read_manifest(day.lake, client)["published_at"]).date()
        for name in (*(f"{table}.parquet" for table in TABLES), "_manifest.json"):
            assert (gold / "_history" / today.isoformat() / name).read_bytes() == (gold / name).read_bytes()


def test_messages_name_each_change_for_the_worse_once(day: Day):
    """Expected messages follow from the history of machines and the reports of runs."""
    news: dict[str, set[str]] = defaultdict(set)
    for row in query(
        day.lake,
        "select run_id, client, unit_id from history.machine_status_history where overall_status = 'Anormal'"
        " qualify lag(overall_status) over (partition by client, unit_id order by dbt_valid_from)"
        " is distinct from 'Anormal'",
    ):
        news[row["run_id"]].add(f"{row['client']} {row['unit_id']}: Anormal")
    for run in day.all_runs:
        news[run["run_id"]] |= {_subject(f"{failed['file']}: {failed['problem']}") for failed in run["failed_files"]}
    # What is not used of a file is another test's matter: tests/oil/reading/test_rejections.py.
    sent = [{_subject(line) for line in message.splitlines() if " × " not in line} for message in day.messages]
    sent = [lines for lines in sent if lines]
    by_the_watcher = [run["run_id"] for run in day.all_runs if run not in day.runs["night"]]
    assert sent == [news[run] for run in by_the_watcher if news[run]]
    assert {f"EMIN {day.unit}: Anormal"} in sent
    told = [line for message in day.messages for line in message.splitlines() if f"EMIN {day.unit}: Anormal." in line]
    assert all("Plazo: " in line for line in told), "the recommendation, in the language of the lake"


def _subject(line: str) -> str:
    """What a line of a message is about, without the recommendation."""
    return line.partition(". ")[0]


def copy(content: bytes, path: Path) -> None:
    """Copy as other programs do: the file has its final name from the first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)


def copy_slowly(content: bytes, path: Path, watcher: Watched) -> None:
    """Copy in chunks with pauses, one longer than files take to settle. No run starts before the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    runs, size = len(watcher.runs()), len(content) // 8
    with path.open("wb") as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            file.flush()
            time.sleep(0.1)
            if start == 4 * size:
                wait_until(lambda: (beat := watcher.heartbeat()) is not None and beat.backlog == 1)
                time.sleep(LONGER_THAN_FILES_SETTLE)
        assert len(watcher.runs()) == runs
        assert not watcher.is_running()


def kill_in_the_middle_of_a_run(watcher: Watched) -> int:
    """Kill the watcher when its run has read a file, and wait until its processes have ended."""
    wait_until(lambda: watcher.is_running() and any((watcher.lake / "_state" / "staging").glob("*.parquet")))
    family = watcher.process.children(recursive=True)
    watcher.process.kill()
    code = watcher.process.wait()
    _, left = psutil.wait_procs(family, timeout=10)
    assert not left
    assert WHILE_STOPPED not in sources(watcher.lake, "emin")
    return code


def choose_a_machine(lake: Path) -> tuple[str, list[str]]:
    """Choose a Normal machine. Returns it with the numbers of its latest Normal samples."""
    gold = lake / "oil-analysis" / "gold" / "emin"
    found = duckdb.execute(
        HEALTHY_REPORTS,
        {"reports": str(gold / "classified_reports.parquet"), "machines": str(gold / "machine_status_current.parquet")},
    ).fetchone()
    assert found is not None
    return found


def correction(delivered: dict[str, bytes], numbers: Sequence[str]) -> bytes:
    """Make a correction of the laboratory: some samples now are full of wear metals."""
    table = pa.concat_tables(pq.read_table(pa.BufferReader(delivered[key])) for key in PARTS)
    rows = table.filter(pc.is_in(table["sampleNumber"].cast(pa.string()), pa.array(numbers, pa.string())))
    for metal in WEAR_METALS:
        rows = with_result(rows, metal, "9000")
    return as_parquet(rows)


def ask(lake: Path, *words: str) -> dict[str, Any]:
    """Run a command as a user does. Returns its JSON."""
    ended = subprocess.run(
        [sys.executable, "-m", "tribolake", *words, "--lake", str(lake), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def query(lake: Path, sql: str) -> list[dict[str, Any]]:
    with closing(duckdb.connect(lake / "_state" / "warehouse.duckdb", read_only=True)) as warehouse:
        cursor = warehouse.execute(sql)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def arrivals_of(runs: Sequence[dict]) -> int:
    return sum(done["arrivals"] for run in runs for done in run["clients"].values())


def sources(lake: Path, client: str) -> list[str]:
    return [source["key"] for source in read_manifest(lake, client)["sources"]]


def published_files(lake: Path, client: str) -> list[Path]:
    """List the published file of each entity in the change log."""
    home = lake / "oil-analysis"
    gold = [home / "gold" / client / f"{table}.parquet" for table in ENTITIES[1:]]
    return [home / "silver" / "harmonized" / f"{client.upper()}.parquet", *gold]


def rows_in(path: Path) -> int:
    return pq.read_metadata(path).num_rows


def by_identity(entry: dict[str, Any]) -> tuple[str, str, str]:
    return entry["run_id"], entry["client"], entry["entity"]
